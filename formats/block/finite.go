package block

import (
	"encoding/binary"
	"math"

	"bitmill/formats"
)

// halves lists, per type, where a block keeps its 16-bit floats. A type of plain numbers is not among them.
var halves = map[formats.Type][]int{
	formats.F16:     {0},
	formats.Q4_0:    {0},
	formats.Q4_1:    {0, 2},
	formats.Q5_0:    {0},
	formats.Q5_1:    {0, 2},
	formats.Q8_0:    {0},
	formats.Q8_1:    {0},
	formats.Q2_K:    {80, 82},
	formats.Q3_K:    {108},
	formats.Q4_K:    {0, 2},
	formats.Q5_K:    {0, 2},
	formats.Q6_K:    {208},
	formats.IQ1_S:   {0},
	formats.IQ2_XXS: {0},
	formats.IQ2_XS:  {0},
	formats.IQ2_S:   {0},
	formats.IQ3_XXS: {0},
	formats.IQ3_S:   {0},
	formats.IQ4_NL:  {0},
	formats.IQ4_XS:  {0},
	formats.TQ1_0:   {52},
	formats.TQ2_0:   {64},
	formats.Q1_0:    {0},
	formats.Q2_0:    {0},
}

// Halves returns where a block of type t keeps its 16-bit floats: d, then dmin or m of types that have one. It is empty
// for types with scales of other kinds. The caller must not change it.
func Halves(t formats.Type) []int { return halves[t] }

// NotFinite returns the index of the first block of src whose scale (of a plain type: whose value) is infinite or NaN,
// or -1. Such a block decodes to values that are not numbers; all other blocks decode to finite ones. Types whose
// scales cannot be out of range (NVFP4), and integers, give -1. A partial block at the end is ignored.
func NotFinite(t formats.Type, src []byte) int {
	size := t.BlockBytes()
	if size == 0 {
		return -1
	}
	bad := notFinite(t)
	if bad == nil {
		return -1
	}
	for i := finiteWords(t, src) / size; (i+1)*size <= len(src); i++ {
		if bad(src[i*size : (i+1)*size]) {
			return i
		}
	}
	return -1
}

// exponents of the plain types in a word of 8 bytes: mask picks them, and adding one carries into the sign's place, and
// no further, where all their bits are set.
var exponents = map[formats.Type]struct{ mask, one, carry uint64 }{
	formats.F16:  {0x7c007c007c007c00, 0x0400040004000400, 0x8000800080008000},
	formats.BF16: {0x7f807f807f807f80, 0x0080008000800080, 0x8000800080008000},
	formats.F32:  {0x7f8000007f800000, 0x0080000000800000, 0x8000000080000000},
}

// finiteWords is a number of leading bytes of src, a multiple of 32, whose values are all finite; 0 for other types.
func finiteWords(t formats.Type, src []byte) int {
	e, ok := exponents[t]
	if !ok {
		return 0
	}
	n := 0
	for ; n+32 <= len(src); n += 32 {
		b := src[n : n+32]
		carry := binary.LittleEndian.Uint64(b)&e.mask + e.one
		carry |= binary.LittleEndian.Uint64(b[8:])&e.mask + e.one
		carry |= binary.LittleEndian.Uint64(b[16:])&e.mask + e.one
		carry |= binary.LittleEndian.Uint64(b[24:])&e.mask + e.one
		if carry&e.carry != 0 {
			break
		}
	}
	return n
}

// notFinite returns the test of one block, nil when every block passes.
func notFinite(t formats.Type) func(b []byte) bool {
	switch t {
	case formats.F32: // an exponent of all ones
		return func(b []byte) bool { return b[3]&0x7f == 0x7f && b[2]&0x80 != 0 }
	case formats.BF16:
		return func(b []byte) bool { return b[1]&0x7f == 0x7f && b[0]&0x80 != 0 }
	case formats.F64:
		return func(b []byte) bool { return b[7]&0x7f == 0x7f && b[6]&0xf0 == 0xf0 }
	case formats.IQ1_M: // d's sign and four bits of its exponent are in the last scale word, one more in the third
		return func(b []byte) bool { return b[55]&0x70 == 0x70 && b[53]&0xc0 == 0xc0 }
	case formats.MXFP4:
		return mxfp4NotFinite
	case formats.Q8_K:
		return q8kNotFinite
	}
	at, ok := halves[t]
	if !ok {
		return nil
	}
	return func(b []byte) bool {
		for _, o := range at {
			if b[o+1]&0x7c == 0x7c {
				return true
			}
		}
		return false
	}
}

// mxfp4NotFinite: a scale that the standard calls NaN, or one so large that a value overflows.
func mxfp4NotFinite(b []byte) bool {
	if b[0] == 0xff {
		return true
	}
	d, top := FromE8M0Half(b[0]), int8(0)
	for _, q := range b[1:] {
		top = max(top, Float4[q&7], Float4[q>>4&7])
	}
	return float32(top)*d > math.MaxFloat32
}

// q8kNotFinite: a scale in float32 that is not finite, or so large that a value overflows.
func q8kNotFinite(b []byte) bool {
	d := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	top := 0.0
	for _, q := range b[4 : 4+256] {
		top = max(top, math.Abs(float64(int8(q))))
	}
	return !(math.Abs(d) <= math.MaxFloat32) || float32(math.Abs(d)*top) > math.MaxFloat32
}

// Package wide writes the same vector code for several widths. A lane is one float32; every operation is one IEEE
// operation per lane, never fused, so a lane computes what plain Go computes for one sub-block.
//
// Tables are [element][column]. A group is the columns that fill a vector; a row holds Groups of them:
//
//	element 0: | group 0: lane 0 .. lane 7 | group 1: lane 0 .. lane 7 |
//	element 1: | ...
package machine

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/quantize/encode/layout"
)

// Machine is an instruction set.
type Machine struct {
	Suffix string // of function names
	Bytes  int    // of a vector
}

// The machines.
var (
	AVX2   = Machine{"AVX2", 32}
	AVX512 = Machine{"AVX512", 64} // with the DQ subset
)

// Groups is the groups in a row.
const Groups = layout.Groups

// Row is the bytes of a table's row.
func (m Machine) Row() int { return Groups * m.Bytes }

// Func starts a function whose pointers do not escape.
func (m Machine) Func(name, signature, doc string) {
	TEXT(name+m.Suffix, NOSPLIT, signature)
	Pragma("noescape")
	Doc(name + m.Suffix + " " + doc)
}

// Return ends a function.
func (m Machine) Return() {
	VZEROUPPER()
	RET()
}

// Vec is a new vector register.
func (m Machine) Vec() reg.VecVirtual {
	if m.Bytes == 64 {
		return ZMM()
	}
	return YMM()
}

// Float is a constant in every lane; Bits is one given by its bits.
func (m Machine) Float(name string, v float64) Mem {
	return m.Bits(name, math.Float32bits(float32(v)))
}

func (m Machine) Bits(name string, v uint32) Mem {
	c := GLOBL(name+m.Suffix, RODATA|NOPTR)
	for i := range m.Bytes / 4 {
		DATA(4*i, U32(v))
	}
	return c
}

// Load returns the vector at a place.
func (m Machine) Load(a Op) reg.VecVirtual {
	v := m.Vec()
	VMOVUPS(a, v)
	return v
}

// Broadcast returns one float32 in every lane.
func (m Machine) Broadcast(a Mem) reg.VecVirtual {
	v := m.Vec()
	VBROADCASTSS(a, v)
	return v
}

// Zero returns zeros.
func (m Machine) Zero() reg.VecVirtual {
	v := m.Vec()
	Clear(v)
	return v
}

// Clear makes a vector zero.
func Clear(v Op) { VXORPS(v, v, v) }

// Operations: dst = a op b. b may be in memory (a of AndNot).

func Add(dst, a, b Op) { VADDPS(b, a, dst) }
func Sub(dst, a, b Op) { VSUBPS(b, a, dst) }
func Mul(dst, a, b Op) { VMULPS(b, a, dst) }
func Div(dst, a, b Op) { VDIVPS(b, a, dst) }

// Min is a < b ? a : b and Max a > b ? a : b: b when one is NaN or both are zeros.
func Min(dst, a, b Op) { VMINPS(b, a, dst) }
func Max(dst, a, b Op) { VMAXPS(b, a, dst) }

// Between is dst = min(max(a, 0), top) for integral values, and Within min(max(a, low), high) with low < 0 <= high. Bits of
// negative floats are negative integers, and the larger without a sign the further down; others are ordered like
// integers. Integer units are free when those of floats are not.
func Between(dst, a, top, zero Op) {
	NotBelow(dst, a, zero)
	VPMINSD(top, dst, dst)
}

// NotBelow is Between without a top.
func NotBelow(dst, a, zero Op) { VPMAXSD(zero, a, dst) }

func Within(dst, a, low, high Op) {
	VPMINUD(low, a, dst)
	NotAbove(dst, dst, high)
}

// NotAbove is Within without a low.
func NotAbove(dst, a, high Op) { VPMINSD(high, a, dst) }

// Round rounds to the nearest integer, ties to even.
func (m Machine) Round(dst, a Op) {
	if m.Bytes == 64 {
		VRNDSCALEPS(U8(8), a, dst)
		return
	}
	VROUNDPS(U8(8), a, dst)
}

// Comparisons.
const (
	Less         = U8(17) // false with NaN, as are the next three
	LessEqual    = U8(18)
	Greater      = U8(30)
	Equal        = U8(0)
	NotEqual     = U8(4)  // true with NaN
	NotLess      = U8(21) // true with NaN
	NotLessEqual = U8(22) // true with NaN
)

// Mask tells some lanes from the others: a vector with all bits of a lane set, or a mask register with AVX-512.
type Mask = reg.Register

func (m Machine) mask() Mask {
	if m.Bytes == 64 {
		return K()
	}
	return YMM()
}

// Compare returns the lanes where a op b holds.
func (m Machine) Compare(op U8, a, b Op) Mask {
	mask := m.mask()
	VCMPPS(op, b, a, mask)
	return mask
}

// Nothing returns a mask without lanes.
func (m Machine) Nothing() Mask {
	mask := m.mask()
	if m.Bytes == 64 {
		KXORW(mask, mask, mask)
	} else {
		Clear(mask)
	}
	return mask
}

// Both, Either and Except (a, but not b) combine masks: dst = a op b.
func (m Machine) Both(dst, a, b Mask) {
	if m.Bytes == 64 {
		KANDW(a, b, dst)
		return
	}
	And(dst, a, b)
}

func (m Machine) Either(dst, a, b Mask) {
	if m.Bytes == 64 {
		KORW(a, b, dst)
		return
	}
	Or(dst, a, b)
}

func (m Machine) Except(dst, a, b Mask) {
	if m.Bytes == 64 {
		KANDNW(a, b, dst)
		return
	}
	AndNot(dst, a, b)
}

// Choose is dst = mask ? a : b.
func (m Machine) Choose(dst reg.VecVirtual, mask Mask, a, b Op) {
	if m.Bytes == 64 {
		VBLENDMPS(a, b, mask, dst)
		return
	}
	VBLENDVPS(mask, a, b, dst)
}

// Keep is dst = mask ? a : 0.
func (m Machine) Keep(dst reg.VecVirtual, mask Mask, a Op) {
	if m.Bytes == 64 {
		VMOVAPS_Z(a, mask, dst)
		return
	}
	And(dst, mask, a)
}

// Drop is dst = mask ? 0 : a.
func (m Machine) Drop(dst reg.VecVirtual, mask Mask, a Op) {
	if m.Bytes == 64 {
		rest := K()
		KNOTW(mask, rest)
		VMOVAPS_Z(a, rest, dst)
		return
	}
	AndNot(dst, a, mask)
}

// StoreMask writes a mask as a vector with all bits of a lane set, LoadMask reads one.
func (m Machine) StoreMask(mask Mask, to Mem) {
	if m.Bytes == 64 {
		v := m.Vec()
		VPMOVM2D(mask, v)
		VMOVUPS(v, to)
		return
	}
	VMOVUPS(mask, to)
}

func (m Machine) LoadMask(from Mem) Mask {
	v := m.Load(from)
	if m.Bytes == 64 {
		k := K()
		VPMOVD2M(v, k)
		return k
	}
	return v
}

// And, AndNot (a and not b) and Or work on bits.
func And(dst, a, b Op)    { VANDPS(b, a, dst) }
func AndNot(dst, a, b Op) { VANDNPS(a, b, dst) }
func Or(dst, a, b Op)     { VORPS(b, a, dst) }

// Any sets the flags: NZ where the mask has a lane.
func (m Machine) Any(mask Mask) {
	if m.Bytes == 64 {
		KORTESTW(mask, mask)
		return
	}
	g := GP32()
	VMOVMSKPS(mask, g)
	TESTL(g, g)
}

// Wrap is the magnitude from which on plain Go's nearest gives something else than Round: adding 1.5*2^23 no longer
// stays within one power of two. Lanes that reach it are left to plain Go.
const Wrap = 1 << 22

// At is the place of a group in the row that index, in bytes, and disp add up to.
func (m Machine) At(table, index reg.GPVirtual, disp, group int) Mem {
	return Mem{Base: table, Index: index, Scale: 1, Disp: disp + group*m.Bytes}
}

// Each emits a loop over the rows of tables, from index 0 up to end, both in bytes. The number of rows is a multiple of
// unroll and not zero.
func (m Machine) Each(label string, end reg.GPVirtual, unroll int, body func(index reg.GPVirtual, disp int)) {
	index := GP64()
	XORQ(index, index)
	Label(label)
	for i := range unroll {
		body(index, i*m.Row())
	}
	ADDQ(I32(int32(unroll*m.Row())), index)
	CMPQ(index, end)
	JB(LabelRef(label))
}

// EachOf is Each where body is a list of steps, which take turns: step by step over rows that do not wait for each other.
func (m Machine) EachOf(label string, end reg.GPVirtual, unroll, turns int, body func(index reg.GPVirtual, disp int) []func()) {
	var waiting [][]func()
	m.Each(label, end, unroll, func(index reg.GPVirtual, disp int) {
		waiting = append(waiting, body(index, disp))
		if len(waiting) < turns {
			return
		}
		for step := range waiting[0] {
			for _, steps := range waiting {
				steps[step]()
			}
		}
		waiting = nil
	})
}

// Rows turns a number of rows into bytes.
func (m Machine) Rows(n reg.GPVirtual) {
	IMUL3Q(I32(int32(m.Row())), n, n)
}

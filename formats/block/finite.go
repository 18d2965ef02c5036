package block

import "bitmill/formats"

// halves lists, per type, where a block keeps its 16-bit floats. A type of plain numbers is not among them.
var halves = map[formats.Type][]int{
	formats.F16:     {0},
	formats.Q4_0:    {0},
	formats.Q4_1:    {0, 2},
	formats.Q5_0:    {0},
	formats.Q5_1:    {0, 2},
	formats.Q8_0:    {0},
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

// NotFinite returns the index of the first block of src whose scale (of a plain type: whose value) is infinite or NaN,
// or -1. Such a block decodes to values that are not numbers; all other blocks decode to finite ones. Types whose
// blocks have no such scale, and integers, give -1. A last partial block is not looked at.
func NotFinite(t formats.Type, src []byte) int {
	size := t.BlockBytes()
	if size == 0 {
		return -1
	}
	bad := notFinite(t)
	if bad == nil {
		return -1
	}
	for i := 0; (i+1)*size <= len(src); i++ {
		if bad(src[i*size : (i+1)*size]) {
			return i
		}
	}
	return -1
}

// notFinite returns the test of one block, nil when every block passes.
func notFinite(t formats.Type) func(b []byte) bool {
	switch t {
	case formats.F32: // an exponent of all ones
		return func(b []byte) bool { return b[3]&0x7f == 0x7f && b[2]&0x80 != 0 }
	case formats.BF16:
		return func(b []byte) bool { return b[1]&0x7f == 0x7f && b[0]&0x80 != 0 }
	case formats.IQ1_M: // the four bits of d's exponent and sign are on top of the last of four scale words, one more bit in the third
		return func(b []byte) bool { return b[55]&0x70 == 0x70 && b[53]&0xc0 == 0xc0 }
	case formats.MXFP4:
		return func(b []byte) bool { return b[0] == 0xff }
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

// Package lanes holds what the generators share: the names of the shapes, loops, and broadcasts of one number from
// each of four token rows.
package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Header sets what every generated file starts with.
func Header() {
	ConstraintExpr("!purego")
}

// Kernel starts an assembly function without stack checks whose pointers do not escape.
func Kernel(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc)
}

// Arg loads a parameter into a new register.
func Arg(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// FourRows addresses the same place in four rows that lie stride bytes apart. Row 3 has a pointer of its own because
// x86 multiplies an index by 1, 2, 4 or 8.
type FourRows struct{ First, Fourth, Stride reg.GPVirtual }

// NewFourRows returns addresses of four rows from the first one's.
func NewFourRows(first, stride reg.GPVirtual) FourRows {
	r := FourRows{first, GP64(), stride}
	LEAQ(Mem{Base: first, Index: stride, Scale: 2}, r.Fourth)
	ADDQ(stride, r.Fourth)
	return r
}

// At is the operand disp bytes into row i.
func (r FourRows) At(i, disp int) Mem {
	switch i {
	case 0:
		return Mem{Base: r.First, Disp: disp}
	case 1:
		return Mem{Base: r.First, Disp: disp, Index: r.Stride, Scale: 1}
	case 2:
		return Mem{Base: r.First, Disp: disp, Index: r.Stride, Scale: 2}
	}
	return Mem{Base: r.Fourth, Disp: disp}
}

// Advance moves on by n bytes within the rows.
func (r FourRows) Advance(n int) {
	ADDQ(U32(n), r.First)
	ADDQ(U32(n), r.Fourth)
}

// Vectors returns n new ymm registers.
func Vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = YMM()
	}
	return v
}

// Turn8 transposes 8 x 8 words in registers.
func Turn8(in []reg.VecVirtual) []reg.VecVirtual {
	// Pairs of rows, then fours (columns j and j+4 in the two halves of a vector), then eights.
	var four [2][4]reg.VecVirtual
	for h := range 2 {
		r := in[4*h : 4*h+4]
		ab0, ab1, cd0, cd1 := YMM(), YMM(), YMM(), YMM()
		VPUNPCKLDQ(r[1], r[0], ab0)
		VPUNPCKHDQ(r[1], r[0], ab1)
		VPUNPCKLDQ(r[3], r[2], cd0)
		VPUNPCKHDQ(r[3], r[2], cd1)
		for j := range four[h] {
			four[h][j] = YMM()
		}
		VPUNPCKLQDQ(cd0, ab0, four[h][0])
		VPUNPCKHQDQ(cd0, ab0, four[h][1])
		VPUNPCKLQDQ(cd1, ab1, four[h][2])
		VPUNPCKHQDQ(cd1, ab1, four[h][3])
	}
	out := Vectors(8)
	for j := range 4 {
		VPERM2I128(U8(0x20), four[1][j], four[0][j], out[j])
		VPERM2I128(U8(0x31), four[1][j], four[0][j], out[j+4])
	}
	return out
}

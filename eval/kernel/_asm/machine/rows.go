package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Rows addresses the same column of up to eight rows that lie a stride apart. x86 multiplies an index by 1, 2, 4 or 8,
// so odd multiples of the stride have registers of their own.
type Rows struct{ Base, Stride, three, five, seven reg.Register }

// NewRows addresses n rows, four or eight, from the first one's register on, which Advance changes.
func NewRows(base, stride reg.Register, n int) Rows {
	if n == 4 {
		return RowsIn(base, stride, GP64())
	}
	return RowsIn(base, stride, GP64(), GP64(), GP64())
}

// RowsIn is NewRows with registers for three, five and seven times the stride.
func RowsIn(base, stride reg.Register, multiples ...reg.Register) Rows {
	r := Rows{Base: base, Stride: stride}
	for i, to := range []*reg.Register{&r.three, &r.five, &r.seven}[:len(multiples)] {
		*to = multiples[i]
	}
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, r.three)
	if r.five != nil {
		LEAQ(Mem{Base: stride, Index: stride, Scale: 4}, r.five)
		LEAQ(Mem{Base: r.three, Index: stride, Scale: 4}, r.seven)
	}
	return r
}

// From addresses rows as far apart from another base.
func (r Rows) From(base reg.Register) Rows {
	r.Base = base
	return r
}

// At is the operand disp bytes into row i.
func (r Rows) At(i, disp int) Mem {
	m := Mem{Base: r.Base, Disp: disp}
	switch i {
	case 1, 2, 4:
		m.Index, m.Scale = r.Stride, uint8(i)
	case 3, 6:
		m.Index, m.Scale = r.three, uint8(i/3)
	case 5:
		m.Index, m.Scale = r.five, 1
	case 7:
		m.Index, m.Scale = r.seven, 1
	}
	return m
}

// Advance moves on by n bytes within the rows.
func (r Rows) Advance(n int) { ADDQ(U32(n), r.Base) }

// Columns returns the next eight 32-bit columns of eight rows, in vectors of eight.
func (r Rows) Columns() []reg.VecVirtual {
	in := AVX2.Vectors(8)
	for i, v := range in {
		VMOVUPS(r.At(i, 0), v)
	}
	return Transpose8(in)
}

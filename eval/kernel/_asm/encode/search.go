// Package encode generates the searches of package encode for many sub-blocks at once, and what else works on rows of
// values there. A lane is one float32; every operation is one IEEE operation per lane, never fused, so a lane computes
// what plain Go computes for one sub-block.
package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// Constants, the same in every lane.
func signless() Mem { return Bits(0x7fffffff) }
func sign() Mem     { return Bits(0x80000000) }
func wrap() Mem     { return Float(Wrap) }
func tiny() Mem     { return Float(1e-15) }

// search is what searches have in common: tables of [value][column] and the state, in rows of columns: see package
// layout.
type search struct {
	Machine
	state, x, w, q reg.GPVirtual
	end            reg.GPVirtual // of the tables x, w, q, in bytes
}

// row is the place of a group in a row of the state.
func (s search) row(r, group int) Mem {
	return Mem{Base: s.state, Disp: r*s.Row() + group*s.Bytes}
}

// next moves pointers into tables on by groups.
func (s search) next(groups int, pointers ...reg.GPVirtual) {
	for _, p := range pointers {
		ADDQ(Imm(uint64(groups*s.Bytes)), p)
	}
}

// note adds lanes to those that plain Go must look at, in a row of the state.
func (s search) note(bad Mask, row, group int) {
	s.Either(bad, bad, s.LoadMask(s.row(row, group)))
	s.StoreMask(bad, s.row(row, group))
}

// further takes the values of v that lie further from zero than extreme, and their magnitudes.
func (s search) further(v, extreme, magnitude reg.VecVirtual, mask Op) {
	a := s.Vec()
	And(a, v, mask)
	more := s.Compare(Greater, a, magnitude)
	s.Choose(extreme, more, v, extreme)
	s.Choose(magnitude, more, a, magnitude)
}

// better returns the lanes in which levels with the sums xq of w*x*q and q2 of w*q^2 explain more than the best score
// does, q2 > 0 and xq^2 > best*q2, and their scale xq/q2 and score xq^2/q2.
func (s search) better(xq, q2, best reg.VecVirtual) (won Mask, scale, score reg.VecVirtual) {
	a, b := s.Vec(), s.Vec()
	Mul(a, xq, xq)
	Mul(b, best, q2)
	won = s.Compare(Greater, a, b)
	Clear(b)
	s.Both(won, won, s.Compare(Greater, q2, b))
	scale, score = s.Vec(), s.Vec()
	Div(scale, xq, q2)
	Mul(score, scale, xq)
	return won, scale, score
}

// keep stores v in a row of the state, in the lanes that won.
func (s search) keep(v reg.VecVirtual, won Mask, row, group int) {
	old := s.Load(s.row(row, group))
	s.Choose(old, won, v, old)
	VMOVUPS(old, s.row(row, group))
}

// quotient is xq/q2 where q2 is positive, or else 0.
func (s search) quotient(xq, q2 reg.VecVirtual) reg.VecVirtual {
	f := s.Vec()
	Div(f, xq, q2)
	s.Keep(f, s.Compare(Greater, q2, s.Zero()), f)
	return f
}

// gather loads 32 bits from base + index*stride in each lane.
func (s search) gather(base reg.GPVirtual, index reg.VecVirtual, stride uint8) reg.VecVirtual {
	v := s.Vec()
	place := Mem{Base: base, Index: index, Scale: stride}
	if s.Bytes == 64 {
		all := K()
		KXNORW(all, all, all)
		VPGATHERDD(place, all, v)
		return v
	}
	all := s.Vec()
	VPCMPEQD(all, all, all)
	VPGATHERDD(all, place, v)
	return v
}

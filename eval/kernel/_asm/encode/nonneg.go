package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type nonneg struct {
	refinement
	top reg.VecVirtual
}

// Nonneg generates searchNonneg for many super-blocks at once: see nonneg.go of package encode for what it computes.
// A column is the scales, or the minima, of one super-block.
func Nonneg(m Machine) {
	m.Func("nonneg", "func(state, x, w, q *float32, n, groups int, steps *float32, count int)",
		"runs searchNonneg on the columns of the first groups of x and w, n rows, and writes levels to q. steps are the top "+
			"level, which is also the first candidate, and count more candidates.")
	s := nonneg{}
	s.search = search{Machine: m, state: Arg("state"), x: Arg("x"), w: Arg("w"), q: Arg("q"), end: Arg("n")}
	s.RowBytes(s.end)
	s.redo = layout.NonnegRedo
	s.weight = func(_ reg.VecVirtual, index reg.GPVirtual, disp, group int) reg.VecVirtual {
		return s.Load(s.At(s.w, index, disp, group))
	}
	s.level, s.stored = s.round, s.byte
	s.bad = func(v reg.VecVirtual) Mask {
		a := s.Vec()
		And(a, v, signless())
		bad := s.Compare(NotLess, a, wrap())
		s.Either(bad, bad, s.belowBytes(v))
		return bad
	}
	Repeat("group", Arg("groups"), s.group)
	End()
}

// group emits the search of a group.
func (s *nonneg) group() {
	largest, smallest := s.largest()
	steps := Arg("steps")
	s.top = s.Broadcast(Mem{Base: steps})
	best, least := s.Vec(), s.Vec()
	Div(best, s.top, largest)
	s.within(best, smallest)
	VMOVUPS(s.stepError("first", best, true), least)
	Repeat("candidate", Arg("count"), func() {
		ADDQ(Imm(4), steps)
		inverse := s.Broadcast(Mem{Base: steps})
		Div(inverse, inverse, largest)
		e := s.stepError("step", inverse, false)
		won := s.Compare(Less, e, least)
		s.Choose(best, won, inverse, best)
		s.Choose(least, won, e, least)
	})
	s.within(best, smallest)
	s.levels(0, best)
	s.refine()
	empty := s.Compare(Less, largest, tiny())
	s.finish(s.groups[0], empty, layout.NonnegScale)
	s.Each("clear", s.end, 1, func(index reg.GPVirtual, disp int) {
		v := s.Load(s.At(s.q, index, disp, 0))
		s.Drop(v, empty, v)
		VMOVUPS(v, s.At(s.q, index, disp, 0))
	})
	s.next(1, s.state, s.x, s.w, s.q)
}

// largest returns the largest value, at least 0, and the smallest, at most 0. Lanes with a value or weight that is not
// a number, or infinite, are noted.
func (s *nonneg) largest() (most, least reg.VecVirtual) {
	most, least = s.Zero(), s.Zero()
	sum := s.Zero()
	s.Each("largest", s.end, 1, func(index reg.GPVirtual, disp int) {
		v := s.Load(s.At(s.x, index, disp, 0))
		Max(most, v, most)
		Min(least, v, least)
		Sub(v, v, v)
		Add(sum, sum, v)
		VMOVUPS(s.At(s.w, index, disp, 0), v)
		Sub(v, v, v)
		Add(sum, sum, v)
	})
	s.StoreMask(s.Compare(NotEqual, sum, s.Zero()), s.row(layout.NonnegRedo, 0))
	return most, least
}

// belowBytes returns the lanes of levels so low that a byte holds another number.
func (s *nonneg) belowBytes(v reg.VecVirtual) Mask { return s.Compare(NotGreater, v, Float(-255)) }

// within notes lanes whose levels become that low.
func (s *nonneg) within(inverse, smallest reg.VecVirtual) {
	v := s.Vec()
	Mul(v, inverse, smallest)
	s.note(s.belowBytes(v), layout.NonnegRedo, 0)
}

// byte is a level as a byte: 256 more if it is negative.
func (s *nonneg) byte(l reg.VecVirtual) reg.VecVirtual {
	more := s.Vec()
	s.Keep(more, s.Compare(Less, l, s.Zero()), s.Load(Float(256)))
	Add(more, l, more)
	return more
}

// round is min(top, nearest(v)).
func (s *nonneg) round(v reg.VecVirtual) {
	s.Round(v, v)
	Min(v, v, s.top)
}

// stepError returns the sum of w*(x - q/inverse)^2, with q as a byte or not.
func (s *nonneg) stepError(label string, inverse reg.VecVirtual, asByte bool) reg.VecVirtual {
	total, step := s.Zero(), s.Load(Float(1))
	Div(step, step, inverse)
	s.Each(label, s.end, 1, func(index reg.GPVirtual, disp int) {
		x, l := s.Load(s.At(s.x, index, disp, 0)), s.Vec()
		Mul(l, inverse, x)
		s.round(l)
		if asByte {
			l = s.byte(l)
		}
		Mul(l, step, l)
		Sub(x, x, l)
		Mul(l, x, s.At(s.w, index, disp, 0))
		Mul(l, l, x)
		Add(total, total, l)
	})
	return total
}

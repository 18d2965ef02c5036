package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type symmetric struct {
	search
	wx            reg.GPVirtual
	low, high     reg.VecVirtual
	best, extreme reg.VecVirtual
}

// Symmetric generates searchSymmetric for many sub-blocks at once: see symmetric.go of package encode for what it
// computes. Candidates do not depend on each other, so two of them, not two groups, are interleaved.
func Symmetric(m Machine) {
	m.Func("symmetric", "func(state, x, w, wx *float32, n, groups int, steps *float32, inside, pairs int)",
		"runs searchSymmetric on the columns of the first groups of x and w, n rows (a multiple of 4). steps are the lowest "+
			"level, which is also the first candidate, inside pairs of candidates that no value leads below the lowest level, "+
			"and pairs more; wx is working space like x.")
	s := symmetric{search: search{Machine: m, state: Arg("state"), x: Arg("x"), w: Arg("w")}, wx: Arg("wx")}
	s.end = Arg("n")
	s.RowBytes(s.end)
	Repeat("group", Arg("groups"), func() {
		s.extreme, s.best = s.Zero(), s.Vec()
		s.largest()
		steps := Arg("steps")
		s.low, s.high = s.Broadcast(Mem{Base: steps}), s.Zero()
		Sub(s.high, s.high, s.low)
		Sub(s.high, s.high, s.Load(Float(1)))
		s.first(steps)
		for _, kind := range []string{"inside", "pairs"} {
			Repeat(kind, Arg(kind), func() {
				s.pair(kind, steps, kind == "pairs")
			}, By(8, steps))
		}
		s.next(1, s.state, s.x, s.w, s.wx)
	})
	End()
}

// largest finds the value of largest magnitude, adds up w and fills wx.
func (s *symmetric) largest() {
	mask, magnitude, sum := s.Load(signless()), s.Zero(), s.Zero()
	s.Each("largest", s.end, 4, func(index reg.GPVirtual, disp int) {
		v := s.Load(s.At(s.x, index, disp, 0))
		s.further(v, s.extreme, magnitude, mask)
		w := s.Load(s.At(s.w, index, disp, 0))
		Add(sum, sum, w)
		Mul(w, w, v)
		VMOVUPS(w, s.At(s.wx, index, disp, 0))
	})
	VMOVUPS(sum, s.row(layout.SymmetricSum, 0))
	s.StoreMask(s.Compare(Less, magnitude, tiny()), s.row(layout.SymmetricZero, 0))
}

// candidate is the sums of w*x*q and w*q^2 of one candidate.
type candidate struct{ inverse, xq, q2 reg.VecVirtual }

// candidate starts the sums for the step with its numerator at a place.
func (s *symmetric) candidate(numerator Mem) candidate {
	c := candidate{s.Broadcast(numerator), s.Zero(), s.Zero()}
	Div(c.inverse, c.inverse, s.extreme)
	return c
}

// add adds a row to the sums. Levels of -0 are as good as 0: they add zeros, and no sum is ever -0.
func (s *symmetric) add(c candidate, x reg.VecVirtual, index reg.GPVirtual, disp int, clamp bool) {
	l, t := s.Vec(), s.Vec()
	Mul(l, c.inverse, x)
	s.Round(l, l)
	if clamp {
		Within(l, l, s.low, s.high)
	} else {
		NotAbove(l, l, s.high)
	}
	Mul(t, l, s.At(s.wx, index, disp, 0))
	Add(c.xq, c.xq, t)
	Mul(t, l, s.At(s.w, index, disp, 0))
	Mul(t, t, l)
	Add(c.q2, c.q2, t)
}

// first evaluates the step that puts the largest magnitude on the lowest level.
func (s *symmetric) first(steps reg.GPVirtual) {
	c := s.candidate(Mem{Base: steps})
	s.Each("first", s.end, 4, func(index reg.GPVirtual, disp int) {
		s.add(c, s.Load(s.At(s.x, index, disp, 0)), index, disp, false)
	})
	z := s.LoadMask(s.row(layout.SymmetricZero, 0))
	// A NaN or infinite value or weight shows in the sums. Levels stay far from Wrap: the extreme is at
	// least tiny and lies near the lowest level.
	t, bad := s.Vec(), s.Nothing()
	for _, v := range []reg.VecVirtual{c.xq, c.q2} {
		And(t, v, signless())
		s.Either(bad, bad, s.Compare(NotLess, t, Bits(0x7f800000)))
	}
	s.Except(bad, bad, z)
	s.StoreMask(bad, s.row(layout.SymmetricRedo, 0))
	f := s.Vec()
	Div(f, c.xq, c.q2)
	s.Keep(f, s.Compare(NotEqual, c.q2, s.Zero()), f)
	Mul(s.best, f, c.xq)
	s.Drop(f, z, f)
	VMOVUPS(f, s.row(layout.SymmetricScale, 0))
	VMOVUPS(c.inverse, s.row(layout.SymmetricInverse, 0))
}

// pair evaluates two candidates.
func (s *symmetric) pair(label string, steps reg.GPVirtual, clamp bool) {
	pair := []candidate{s.candidate(Mem{Base: steps, Disp: 4}), s.candidate(Mem{Base: steps, Disp: 8})}
	s.Each(label+"Levels", s.end, 4, func(index reg.GPVirtual, disp int) {
		x := s.Load(s.At(s.x, index, disp, 0))
		for _, c := range pair {
			s.add(c, x, index, disp, clamp)
		}
	})
	for _, c := range pair {
		won, scale, score := s.better(c.xq, c.q2, s.best)
		s.Except(won, won, s.LoadMask(s.row(layout.SymmetricZero, 0)))
		s.Choose(s.best, won, score, s.best)
		s.keep(scale, won, layout.SymmetricScale, 0)
		s.keep(c.inverse, won, layout.SymmetricInverse, 0)
	}
}

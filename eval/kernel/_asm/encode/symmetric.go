package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type symmetric struct {
	Machine
	state, x, w, wx reg.GPVirtual
	end             reg.GPVirtual
	low, high       reg.VecVirtual
	best, extreme   reg.VecVirtual
}

// Symmetric generates searchSymmetric for many sub-blocks at once: see symmetric.go beside _asm for what it
// computes. Candidates do not depend on each other, so two of them, not two groups, are interleaved.
func Symmetric(m Machine) {
	signless, tiny, infinity := m.Bits("signless", 0x7fffffff), m.Float("tiny", 1e-15), m.Bits("infinity", 0x7f800000)
	one := m.Float("one", 1)
	m.Func("symmetric", "func(state, x, w, wx *float32, n, groups int, steps *float32, inside, pairs int)",
		"runs searchSymmetric on the columns of the first groups of x and w, n rows (a multiple of 4). steps are the lowest level, which is also "+
			"the first candidate, inside pairs of candidates that no value leads below the lowest level, and pairs more; wx is working space like x.")
	s := symmetric{Machine: m, state: Arg("state"), x: Arg("x"), w: Arg("w"), wx: Arg("wx"), end: Arg("n")}
	s.Rows(s.end)
	groups := Arg("groups")
	Label("group")
	s.extreme, s.best = s.Vec(), s.Vec()
	s.largest(s.Load(signless), tiny)
	steps := Arg("steps")
	s.low, s.high = s.Broadcast(Mem{Base: steps}), s.Zero()
	Sub(s.high, s.high, s.low)
	Sub(s.high, s.high, s.Load(one))
	s.first(steps, signless, infinity)
	for _, kind := range []string{"inside", "pairs"} {
		pairs := Arg(kind)
		Label(kind)
		s.pair(kind, steps, kind == "pairs")
		ADDQ(Imm(8), steps)
		DECQ(pairs)
		JNZ(LabelRef(kind))
	}
	for _, p := range []reg.GPVirtual{s.state, s.x, s.w, s.wx} {
		ADDQ(Imm(uint64(m.Bytes)), p)
	}
	DECQ(groups)
	JNZ(LabelRef("group"))
	m.Return()
}

func (s *symmetric) row(r int) Mem { return Mem{Base: s.state, Disp: r * s.Row()} }

// largest finds the value of largest magnitude, adds up w and fills wx.
func (s *symmetric) largest(mask reg.VecVirtual, tiny Mem) {
	magnitude, sum := s.Zero(), s.Zero()
	Clear(s.extreme)
	s.Each("largest", s.end, 4, func(index reg.GPVirtual, disp int) {
		v, a := s.Load(s.At(s.x, index, disp, 0)), s.Vec()
		And(a, v, mask)
		more := s.Compare(Greater, a, magnitude)
		s.Choose(s.extreme, more, v, s.extreme)
		s.Choose(magnitude, more, a, magnitude)
		w := s.Load(s.At(s.w, index, disp, 0))
		Add(sum, sum, w)
		Mul(w, w, v)
		VMOVUPS(w, s.At(s.wx, index, disp, 0))
	})
	VMOVUPS(sum, s.row(layout.SymmetricSum))
	s.StoreMask(s.Compare(Less, magnitude, tiny), s.row(layout.SymmetricZero))
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
func (s *symmetric) first(steps reg.GPVirtual, signless, infinity Mem) {
	c := s.candidate(Mem{Base: steps})
	s.Each("first", s.end, 4, func(index reg.GPVirtual, disp int) {
		s.add(c, s.Load(s.At(s.x, index, disp, 0)), index, disp, false)
	})
	z := s.LoadMask(s.row(layout.SymmetricZero))
	// A value or weight that is no number, or infinite, shows in the sums. Levels stay far from Wrap: the extreme is at
	// least tiny and lies near the lowest level.
	t, bad := s.Vec(), s.Nothing()
	for _, v := range []reg.VecVirtual{c.xq, c.q2} {
		And(t, v, signless)
		s.Either(bad, bad, s.Compare(NotLess, t, infinity))
	}
	s.Except(bad, bad, z)
	s.StoreMask(bad, s.row(layout.SymmetricRedo))
	none := s.Zero()
	f := s.Vec()
	Div(f, c.xq, c.q2)
	s.Keep(f, s.Compare(NotEqual, c.q2, none), f)
	Mul(s.best, f, c.xq)
	s.Drop(f, z, f)
	VMOVUPS(f, s.row(layout.SymmetricScale))
	VMOVUPS(c.inverse, s.row(layout.SymmetricInverse))
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
		s.take(c)
	}
}

// take keeps the candidate in lanes where it explains more: q2 > 0 and xq^2 > best*q2.
func (s *symmetric) take(c candidate) {
	a, b := s.Vec(), s.Vec()
	Mul(a, c.xq, c.xq)
	Mul(b, s.best, c.q2)
	won := s.Compare(Greater, a, b)
	Clear(b)
	s.Both(won, won, s.Compare(Greater, c.q2, b))
	s.Except(won, won, s.LoadMask(s.row(layout.SymmetricZero)))
	Div(a, c.xq, c.q2)
	Mul(b, a, c.xq)
	s.Choose(s.best, won, b, s.best)
	for _, k := range []struct {
		v   reg.VecVirtual
		row int
	}{{a, layout.SymmetricScale}, {c.inverse, layout.SymmetricInverse}} {
		old := s.Load(s.row(k.row))
		s.Choose(old, won, k.v, old)
		VMOVUPS(old, s.row(k.row))
	}
}

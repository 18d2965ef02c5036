package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type nonneg struct {
	Machine
	state, x, w, q reg.GPVirtual
	end            reg.GPVirtual
	top            reg.VecVirtual
	signless, wrap Mem
	byteLow, bytes Mem // the lowest level that a byte is told from, and how many there are
}

// Nonneg generates searchPositive for many super-blocks at once: see positive.go beside _asm for what it
// computes. A column is the scales, or the minima, of one super-block.
func Nonneg(m Machine) {
	s := nonneg{Machine: m, signless: m.Bits("signless", 0x7fffffff), wrap: m.Float("wrap", Wrap)}
	s.byteLow, s.bytes = m.Float("byteLow", -255), m.Float("bytes", 256)
	tiny, one := m.Float("tiny", 1e-15), m.Float("one", 1)
	m.Func("positive", "func(state, x, w, q *float32, n, groups int, steps *float32, count int)",
		"runs searchPositive on the columns of the first groups of x and w, n rows, and writes levels to q. steps are the top level, which is "+
			"also the first candidate, and count more candidates.")
	s.state, s.x, s.w, s.q, s.end = Arg("state"), Arg("x"), Arg("w"), Arg("q"), Arg("n")
	s.Rows(s.end)
	groups := Arg("groups")
	Label("group")
	largest, smallest := s.largest()
	steps := Arg("steps")
	s.top = s.Broadcast(Mem{Base: steps})
	best, least := s.Vec(), s.Vec()
	Div(best, s.top, largest)
	s.within(best, smallest)
	VMOVUPS(s.stepError("first", best, one, true), least)
	count := Arg("count")
	Label("candidate")
	ADDQ(Imm(4), steps)
	inverse := s.Broadcast(Mem{Base: steps})
	Div(inverse, inverse, largest)
	e := s.stepError("step", inverse, one, false)
	won := s.Compare(Less, e, least)
	s.Choose(best, won, inverse, best)
	s.Choose(least, won, e, least)
	DECQ(count)
	JNZ(LabelRef("candidate"))
	s.within(best, smallest)
	xq, q2 := s.levels(best)
	s.refine(xq, q2)
	none := s.Zero()
	f := s.Vec()
	Div(f, xq, q2)
	s.Keep(f, s.Compare(Greater, q2, none), f)
	empty := s.Compare(Less, largest, tiny)
	s.Drop(f, empty, f)
	VMOVUPS(f, s.row(layout.NonnegScale))
	r := s.LoadMask(s.row(layout.NonnegRedo))
	s.Except(r, r, empty)
	s.StoreMask(r, s.row(layout.NonnegRedo))
	s.Each("clear", s.end, 1, func(index reg.GPVirtual, disp int) {
		v := s.Load(s.At(s.q, index, disp, 0))
		s.Drop(v, empty, v)
		VMOVUPS(v, s.At(s.q, index, disp, 0))
	})
	for _, p := range []reg.GPVirtual{s.state, s.x, s.w, s.q} {
		ADDQ(Imm(uint64(m.Bytes)), p)
	}
	DECQ(groups)
	JNZ(LabelRef("group"))
	m.Return()
}

func (s *nonneg) row(r int) Mem { return Mem{Base: s.state, Disp: r * s.Row()} }

// largest returns the largest value, at least 0, and the smallest, at most 0. Lanes with a value or weight that is no
// number or infinite are noted.
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
	none := s.Zero()
	s.StoreMask(s.Compare(NotEqual, sum, none), s.row(layout.NonnegRedo))
	return most, least
}

const notGreater = U8(26) // true with NaN

// within notes lanes where levels become so low that a byte holds another.
func (s *nonneg) within(inverse, smallest reg.VecVirtual) {
	v := s.Vec()
	Mul(v, inverse, smallest)
	s.note(s.Compare(notGreater, v, s.byteLow))
}

// byte is what a level becomes as a byte: of negative ones, 256 more.
func (s *nonneg) byte(dst, l reg.VecVirtual) {
	none, more := s.Zero(), s.Vec()
	s.Keep(more, s.Compare(Less, l, none), s.Load(s.bytes))
	Add(dst, l, more)
}

// note adds lanes to those that plain Go must look at.
func (s *nonneg) note(bad Mask) {
	s.Either(bad, bad, s.LoadMask(s.row(layout.NonnegRedo)))
	s.StoreMask(bad, s.row(layout.NonnegRedo))
}

// level is min(top, nearest(v)).
func (s *nonneg) level(v reg.VecVirtual) {
	s.Round(v, v)
	Min(v, v, s.top)
}

// stepError returns the sum of w*(x - q/inverse)^2, with q as a byte or not.
func (s *nonneg) stepError(label string, inverse reg.VecVirtual, one Mem, asByte bool) reg.VecVirtual {
	total, step := s.Zero(), s.Load(one)
	Div(step, step, inverse)
	s.Each(label, s.end, 1, func(index reg.GPVirtual, disp int) {
		x, l := s.Load(s.At(s.x, index, disp, 0)), s.Vec()
		Mul(l, inverse, x)
		s.level(l)
		if asByte {
			s.byte(l, l)
		}
		Mul(l, step, l)
		Sub(x, x, l)
		Mul(l, x, s.At(s.w, index, disp, 0))
		Mul(l, l, x)
		Add(total, total, l)
	})
	return total
}

// levels writes the levels of a step and returns their sums of w*x*q and w*q^2.
func (s *nonneg) levels(inverse reg.VecVirtual) (xq, q2 reg.VecVirtual) {
	xq, q2 = s.Zero(), s.Zero()
	s.Each("levels", s.end, 1, func(index reg.GPVirtual, disp int) {
		x, w, l := s.Load(s.At(s.x, index, disp, 0)), s.Load(s.At(s.w, index, disp, 0)), s.Vec()
		Mul(l, inverse, x)
		s.level(l)
		stored := s.Vec()
		s.byte(stored, l)
		VMOVUPS(stored, s.At(s.q, index, disp, 0))
		Mul(x, w, x)
		Mul(x, x, l)
		Add(xq, xq, x)
		Mul(w, w, l)
		Mul(w, w, l)
		Add(q2, q2, w)
	})
	return xq, q2
}

// refine moves single levels for as long as that explains more, at most five rounds. A lane without a change in one
// round has none in the next.
func (s *nonneg) refine(xq, q2 reg.VecVirtual) {
	rounds := GP64()
	MOVQ(U32(5), rounds)
	none := s.Zero()
	Label("round")
	changed := s.Nothing()
	s.Each("refine", s.end, 1, func(index reg.GPVirtual, disp int) {
		x, w, l := s.Load(s.At(s.x, index, disp, 0)), s.Load(s.At(s.w, index, disp, 0)), s.Load(s.At(s.q, index, disp, 0))
		wx, a, b, t := s.Vec(), s.Vec(), s.Vec(), s.Vec()
		Mul(wx, w, x)
		Mul(a, wx, l)
		Sub(a, xq, a) // the sums without this level
		Mul(t, w, l)
		Mul(t, t, l)
		Sub(b, q2, t)
		on := s.Compare(Greater, a, none)
		s.Both(on, on, s.Compare(Greater, b, none))
		Mul(x, x, b)
		Div(x, x, a)
		And(t, x, s.signless)
		bad := s.Compare(NotLess, t, s.wrap)
		s.Either(bad, bad, s.Compare(notGreater, x, s.byteLow))
		s.Both(bad, bad, on)
		s.note(bad)
		s.level(x)
		s.Both(on, on, s.Compare(NotEqual, x, l))
		s.Any(on)
		JZ(LabelRef("still")) // with luck predicted: then the next level does not wait for this one
		Mul(t, wx, x)
		Add(a, a, t) // with the moved level
		Mul(t, w, x)
		Mul(t, t, x)
		Add(b, b, t)
		Mul(w, a, a)
		Mul(w, w, q2)
		Mul(t, xq, xq)
		Mul(t, t, b)
		s.Both(on, on, s.Compare(Greater, w, t))
		s.byte(x, x)
		s.Choose(l, on, x, l)
		VMOVUPS(l, s.At(s.q, index, disp, 0))
		s.Choose(xq, on, a, xq)
		s.Choose(q2, on, b, q2)
		s.Either(changed, changed, on)
		Label("still")
	})
	s.Any(changed)
	JZ(LabelRef("settled"))
	DECQ(rounds)
	JNZ(LabelRef("round"))
	Label("settled")
}

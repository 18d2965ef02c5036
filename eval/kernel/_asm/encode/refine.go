package encode

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

// refinement rounds values to levels, q, and then moves single levels for as long as that explains more, at most five
// rounds. A level depends on those before it; working on several groups at once hides the latency.
type refinement struct {
	search
	groups []group
	redo   int  // a row of the state
	late   bool // the sum of w*q^2 must be positive with the moved level, not without it
	// weight returns a value's weight; level rounds to a level; stored is what q holds of it; bad returns the lanes in
	// which plain Go must round.
	weight func(x reg.VecVirtual, index reg.GPVirtual, disp, group int) reg.VecVirtual
	level  func(v reg.VecVirtual)
	stored func(l reg.VecVirtual) reg.VecVirtual
	bad    func(v reg.VecVirtual) Mask
}

// group is the sums of w*x*q and w*q^2 of a group of lanes, and where it lies.
type group struct {
	at     int
	xq, q2 reg.VecVirtual
}

// levels emits the rounding of a group's values times inverse.
func (s *refinement) levels(at int, inverse reg.VecVirtual) {
	g := group{at, s.Zero(), s.Zero()}
	s.Each(fmt.Sprintf("levels%d", at), s.end, 1, func(index reg.GPVirtual, disp int) {
		x, l := s.Load(s.At(s.x, index, disp, at)), s.Vec()
		w := s.weight(x, index, disp, at)
		Mul(l, inverse, x)
		s.level(l)
		VMOVUPS(s.stored(l), s.At(s.q, index, disp, at))
		Mul(x, w, x)
		Mul(x, x, l)
		Add(g.xq, g.xq, x)
		Mul(w, w, l)
		Mul(w, w, l)
		Add(g.q2, g.q2, w)
	})
	s.groups = append(s.groups, g)
}

// refine emits the rounds. A lane without a change in one round has none in the next.
func (s *refinement) refine() {
	rounds := Copy(U32(5))
	Repeat("round", rounds, func() {
		changed := s.Nothing()
		s.Each("refine", s.end, 1, func(index reg.GPVirtual, disp int) {
			for _, g := range s.groups {
				s.move(g, index, disp, changed)
			}
		})
		s.Any(changed)
		JZ(LabelRef("settled"))
	})
	Label("settled")
}

// move moves levels of a row and adds the lanes in which it did to changed.
func (s *refinement) move(g group, index reg.GPVirtual, disp int, changed Mask) {
	x, l := s.Load(s.At(s.x, index, disp, g.at)), s.Load(s.At(s.q, index, disp, g.at))
	w, wx, a, b, t := s.weight(x, index, disp, g.at), s.Vec(), s.Vec(), s.Vec(), s.Vec()
	Mul(wx, w, x)
	Mul(a, wx, l)
	Sub(a, g.xq, a) // the sums without this level
	Mul(t, w, l)
	Mul(t, t, l)
	Sub(b, g.q2, t)
	on := s.Compare(Greater, a, s.Zero())
	positive := func() { s.Both(on, on, s.Compare(Greater, b, s.Zero())) }
	if !s.late {
		positive()
	}
	Mul(x, x, b)
	Div(x, x, a)
	bad := s.bad(x)
	s.Both(bad, bad, on)
	s.note(bad, s.redo, g.at)
	s.level(x)
	s.Both(on, on, s.Compare(NotEqual, x, l))
	s.Any(on)
	still := fmt.Sprintf("still%d", g.at)
	JZ(LabelRef(still)) // when the processor predicts this, the next level does not wait for this one
	Mul(t, wx, x)
	Add(a, a, t) // with the moved level
	Mul(t, w, x)
	Mul(t, t, x)
	Add(b, b, t)
	Mul(w, a, a)
	Mul(w, w, g.q2)
	Mul(t, g.xq, g.xq)
	Mul(t, t, b)
	s.Both(on, on, s.Compare(Greater, w, t))
	if s.late {
		positive()
	}
	s.Choose(l, on, s.stored(x), l)
	VMOVUPS(l, s.At(s.q, index, disp, g.at))
	s.Choose(g.xq, on, a, g.xq)
	s.Choose(g.q2, on, b, g.q2)
	s.Either(changed, changed, on)
	Label(still)
}

// finish stores a group's scale, 0 in empty lanes, which plain Go need not look at.
func (s *refinement) finish(g group, empty Mask, scale int) {
	r := s.LoadMask(s.row(s.redo, g.at))
	s.Except(r, r, empty)
	s.StoreMask(r, s.row(s.redo, g.at))
	f := s.quotient(g.xq, g.q2)
	s.Drop(f, empty, f)
	VMOVUPS(f, s.row(scale, g.at))
}

// Refine generates refineSymmetric for many sub-blocks at once: see symmetric.go of package encode for what it
// computes.
func Refine(m Machine) {
	m.Func("refine", "func(state, x, q *float32, n int, lowest *float32)",
		"finds the scales of refineSymmetric for all columns of x, n rows. lowest is the lowest level; q is working space "+
			"like x.")
	s := refinement{search: search{Machine: m, state: Arg("state"), x: Arg("x"), q: Arg("q"), end: Arg("n")}, late: true}
	s.RowBytes(s.end)
	low, high := m.Broadcast(Mem{Base: Arg("lowest")}), m.Zero()
	Sub(high, high, low)
	Sub(high, high, m.Load(Float(1)))
	s.redo = layout.RefineRedo
	s.weight = func(x reg.VecVirtual, _ reg.GPVirtual, _, _ int) reg.VecVirtual {
		w := m.Vec()
		Mul(w, x, x)
		return w
	}
	s.level = func(v reg.VecVirtual) {
		m.Round(v, v)
		Within(v, v, low, high)
	}
	s.stored = func(l reg.VecVirtual) reg.VecVirtual { return l }
	s.bad = func(v reg.VecVirtual) Mask {
		a := m.Vec()
		And(a, v, signless())
		return m.Compare(NotLess, a, wrap())
	}
	together := 1 // 16 registers are enough for one group
	if m.Wide() {
		together = Groups
	}
	passes := Copy(U32(uint32(Groups / together)))
	Repeat("pass", passes, func() {
		for g := range together {
			s.start(g, low)
		}
		s.refine()
		for _, g := range s.groups {
			s.finish(g, s.LoadMask(s.row(layout.RefineScale, g.at)), layout.RefineScale)
		}
		s.next(together, s.state, s.x, s.q)
	})
	End()
}

// start puts the largest magnitude on the lowest level. Values that are not numbers, or infinite, are noted.
func (s *refinement) start(g int, low reg.VecVirtual) {
	extreme, magnitude, sum := s.Zero(), s.Zero(), s.Zero()
	s.Each(fmt.Sprintf("largest%d", g), s.end, 1, func(index reg.GPVirtual, disp int) {
		v := s.Load(s.At(s.x, index, disp, g))
		s.further(v, extreme, magnitude, signless())
		Sub(v, v, v)
		Add(sum, sum, v)
	})
	s.StoreMask(s.Compare(NotEqual, sum, s.Zero()), s.row(layout.RefineRedo, g))
	s.StoreMask(s.Compare(Less, magnitude, tiny()), s.row(layout.RefineScale, g)) // the mask of zeros, until finish
	Div(extreme, low, extreme)
	s.levels(g, extreme)
}

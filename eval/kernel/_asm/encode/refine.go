package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type refinement struct {
	Machine
	state, x, q    reg.GPVirtual
	end            reg.GPVirtual
	low, high      reg.VecVirtual
	signless, wrap Mem
	tiny           Mem
	groups         []group
}

// group is the sums of w*x*q and w*q^2 of a group of lanes, and where it lies.
type group struct {
	at     int
	xq, q2 reg.VecVirtual
}

// Refine generates refineSymmetric for many sub-blocks at once: see symmetric.go beside _asm for what it computes.
// A level depends on those before it: groups side by side hide how long that takes.
func Refine(m Machine) {
	s := refinement{Machine: m, signless: m.Bits("signless", 0x7fffffff), wrap: m.Float("wrap", Wrap), tiny: m.Float("tiny", 1e-15)}
	one := m.Float("one", 1)
	m.Func("refine", "func(state, x, q *float32, n int, lowest *float32)",
		"finds the scales of refineSymmetric for all columns of x, n rows. lowest is the lowest level; q is working space like x.")
	s.state, s.x, s.q, s.end = Arg("state"), Arg("x"), Arg("q"), Arg("n")
	s.Rows(s.end)
	lowest := Arg("lowest")
	s.low, s.high = s.Broadcast(Mem{Base: lowest}), s.Zero()
	Sub(s.high, s.high, s.low)
	Sub(s.high, s.high, s.Load(one))
	together := 1 // 16 registers are enough for one group
	if m.Bytes == 64 {
		together = Groups
	}
	passes := GP64()
	MOVQ(U32(uint32(Groups/together)), passes)
	Label("pass")
	s.groups = nil
	for g := range together {
		s.groups = append(s.groups, s.start(g))
	}
	s.refine()
	for _, g := range s.groups {
		s.finish(g)
	}
	for _, p := range []reg.GPVirtual{s.state, s.x, s.q} {
		ADDQ(Imm(uint64(together*m.Bytes)), p)
	}
	DECQ(passes)
	JNZ(LabelRef("pass"))
	m.Return()
}

func (s *refinement) row(r, group int) Mem {
	return Mem{Base: s.state, Disp: r*s.Row() + group*s.Bytes}
}

// start puts the largest magnitude on the lowest level. Values that are no numbers, or infinite, are noted.
func (s *refinement) start(g int) group {
	name := string(rune('0' + g))
	extreme, magnitude, sum := s.Zero(), s.Zero(), s.Zero()
	s.Each("largest"+name, s.end, 1, func(index reg.GPVirtual, disp int) {
		v, a := s.Load(s.At(s.x, index, disp, g)), s.Vec()
		And(a, v, s.signless)
		more := s.Compare(Greater, a, magnitude)
		s.Choose(extreme, more, v, extreme)
		s.Choose(magnitude, more, a, magnitude)
		Sub(v, v, v)
		Add(sum, sum, v)
	})
	none := s.Zero()
	s.StoreMask(s.Compare(NotEqual, sum, none), s.row(layout.RefineRedo, g))
	s.StoreMask(s.Compare(Less, magnitude, s.tiny), s.row(layout.RefineScale, g)) // the mask of zeros, until finish
	Div(extreme, s.low, extreme)
	out := group{at: g, xq: s.Zero(), q2: s.Zero()}
	s.Each("levels"+name, s.end, 1, func(index reg.GPVirtual, disp int) {
		x, l, w := s.Load(s.At(s.x, index, disp, g)), s.Vec(), s.Vec()
		Mul(l, extreme, x)
		s.level(l)
		VMOVUPS(l, s.At(s.q, index, disp, g))
		Mul(w, x, x)
		Mul(x, w, x)
		Mul(x, x, l)
		Add(out.xq, out.xq, x)
		Mul(w, w, l)
		Mul(w, w, l)
		Add(out.q2, out.q2, w)
	})
	return out
}

func (s *refinement) level(v reg.VecVirtual) {
	s.Round(v, v)
	Within(v, v, s.low, s.high)
}

// refine moves single levels for as long as that explains more, at most five rounds. A lane without a change in one
// round has none in the next.
func (s *refinement) refine() {
	rounds := GP64()
	MOVQ(U32(5), rounds)
	Label("round")
	changed := s.Nothing()
	s.Each("refine", s.end, 1, func(index reg.GPVirtual, disp int) {
		for _, g := range s.groups {
			s.move(g, index, disp, changed)
		}
	})
	s.Any(changed)
	JZ(LabelRef("settled"))
	DECQ(rounds)
	JNZ(LabelRef("round"))
	Label("settled")
}

// move moves levels of a row and adds the lanes that it happened in to changed.
func (s *refinement) move(g group, index reg.GPVirtual, disp int, changed Mask) {
	x, l := s.Load(s.At(s.x, index, disp, g.at)), s.Load(s.At(s.q, index, disp, g.at))
	w, wx, a, b, t := s.Vec(), s.Vec(), s.Vec(), s.Vec(), s.Vec()
	Mul(w, x, x)
	Mul(wx, w, x)
	Mul(a, wx, l)
	Sub(a, g.xq, a) // the sums without this level
	Mul(t, w, l)
	Mul(t, t, l)
	Sub(b, g.q2, t)
	none := s.Zero()
	on := s.Compare(Greater, a, none)
	Mul(x, x, b)
	Div(x, x, a)
	And(t, x, s.signless)
	bad := s.Compare(NotLess, t, s.wrap)
	s.Both(bad, bad, on)
	s.Either(bad, bad, s.LoadMask(s.row(layout.RefineRedo, g.at)))
	s.StoreMask(bad, s.row(layout.RefineRedo, g.at))
	s.level(x)
	s.Both(on, on, s.Compare(NotEqual, x, l))
	s.Any(on)
	still := "still" + string(rune('0'+g.at))
	JZ(LabelRef(still)) // with luck predicted: then the next level does not wait for this one
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
	Clear(none)
	s.Both(on, on, s.Compare(Greater, b, none))
	s.Choose(l, on, x, l)
	VMOVUPS(l, s.At(s.q, index, disp, g.at))
	s.Choose(g.xq, on, a, g.xq)
	s.Choose(g.q2, on, b, g.q2)
	s.Either(changed, changed, on)
	Label(still)
}

func (s *refinement) finish(g group) {
	empty, r := s.LoadMask(s.row(layout.RefineScale, g.at)), s.LoadMask(s.row(layout.RefineRedo, g.at))
	s.Except(r, r, empty)
	s.StoreMask(r, s.row(layout.RefineRedo, g.at))
	f, none := s.Vec(), s.Zero()
	Div(f, g.xq, g.q2)
	s.Keep(f, s.Compare(Greater, g.q2, none), f)
	s.Drop(f, empty, f)
	VMOVUPS(f, s.row(layout.RefineScale, g.at))
}

package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/formats/block"
	"bitmill/quantize/encode/layout"
)

type nonlinear struct {
	search
	half          Mem    // the middle that halves the levels
	quarters      [2]Mem // those that halve the halves
	eighths, last Mem    // those that halve what is left, by what was chosen before
	levels        [2]Mem // what is left then
}

// middle is halfway between levels i and i+1.
func middle(i int) float64 { return (value(i) + value(i+1)) / 2 }
func value(i int) float64  { return float64(block.Nonlinear4[i]) }

// first is the first of two levels that are left after three choices, the first choice in bit 0.
func first(i int) int { return 8*(i&1) + 4*(i>>1&1) + 2*(i>>2&1) }

// newNonlinear lays out the levels as level reads them.
func newNonlinear(m Machine) nonlinear {
	s := nonlinear{search: search{Machine: m}, half: Float(middle(7))}
	s.quarters = [2]Mem{Float(middle(3)), Float(middle(11))}
	s.eighths = FloatTable("eighths", m.Floats(), func(i int) float64 { return middle(first(i&3) + 1) })
	s.last = FloatTable("last", m.Floats(), func(i int) float64 { return middle(first(i)) })
	s.levels[0] = FloatTable("levels0", m.Floats(), func(i int) float64 { return value(first(i) + i/8) })
	s.levels[1] = FloatTable("levels1", m.Floats(), func(i int) float64 { return value(first(i) + 1) })
	return s
}

// Nonlinear generates searchNonlinear for many sub-blocks at once: see nonlinear.go of package encode for what it
// computes.
func Nonlinear(m Machine) {
	s := newNonlinear(m)
	m.Func("nonlinear", "func(state, x, w *float32, n int, steps *float32, count int)",
		"runs searchNonlinear on the columns of x and w, n rows (a multiple of 4). steps are the candidates after the first.")
	s.state, s.x, s.w, s.end = Arg("state"), Arg("x"), Arg("w"), Arg("n")
	s.RowBytes(s.end)
	extreme, inverse := s.largest(), s.Vectors(Groups)
	for g := range Groups { // the first candidate: 1 / (-extreme / lowest)
		Xor(inverse[g], s.Load(sign()), extreme[g])
		Div(inverse[g], inverse[g], s.Load(Float(value(0))))
		Div(inverse[g], s.Load(Float(1)), inverse[g])
	}
	xq, q2 := s.sums("first", inverse)
	for g := range Groups {
		f := s.quotient(xq[g], q2[g])
		VMOVUPS(f, s.row(layout.NonlinearScale, g))
		Mul(f, f, xq[g])
		VMOVUPS(f, s.row(layout.NonlinearBest, g))
	}
	steps := Arg("steps")
	Repeat("candidate", Arg("count"), func() {
		for g := range Groups {
			VBROADCASTSS(Mem{Base: steps}, inverse[g])
			Div(inverse[g], inverse[g], extreme[g])
		}
		xq, q2 = s.sums("sums", inverse)
		for g := range Groups {
			won, scale, score := s.better(xq[g], q2[g], s.Load(s.row(layout.NonlinearBest, g)))
			s.keep(score, won, layout.NonlinearBest, g)
			s.keep(scale, won, layout.NonlinearScale, g)
		}
	}, By(4, steps))
	End()
}

// largest returns the values of largest magnitude and marks columns of zeros.
func (s *nonlinear) largest() (extreme []reg.VecVirtual) {
	extreme = s.Zeros(Groups)
	magnitude, mask := s.Zeros(Groups), s.Load(signless())
	s.Each("largest", s.end, 4, func(index reg.GPVirtual, disp int) {
		for g := range Groups {
			s.further(s.Load(s.At(s.x, index, disp, g)), extreme[g], magnitude[g], mask)
		}
	})
	for g := range Groups {
		s.StoreMask(s.Compare(Less, magnitude[g], s.Load(tiny())), s.row(layout.NonlinearZero, g))
	}
	return extreme
}

// sums returns the sums of w*q*x and w*q^2 for the levels nearest to inverse*x.
func (s *nonlinear) sums(label string, inverse []reg.VecVirtual) (xq, q2 []reg.VecVirtual) {
	xq, q2 = s.Zeros(Groups), s.Zeros(Groups)
	s.Each(label, s.end, 2, func(index reg.GPVirtual, disp int) {
		for g := range Groups {
			x, v := s.Load(s.At(s.x, index, disp, g)), s.Vec()
			Mul(v, inverse[g], x)
			q := s.level(v)
			Mul(v, q, s.At(s.w, index, disp, g))
			Mul(x, x, v)
			Add(xq[g], xq[g], x)
			Mul(q, q, v)
			Add(q2[g], q2[g], q)
		}
	})
	return xq, q2
}

// level returns the level nearest to v, found by halving the levels four times.
func (s *nonlinear) level(v reg.VecVirtual) reg.VecVirtual {
	at, t, b := s.Vec(), s.Load(s.quarters[0]), s.Vec()
	upper := s.Compare(NotLess, v, s.half)
	s.Keep(at, upper, s.Load(Bits(1)))
	s.Choose(t, upper, s.Load(s.quarters[1]), t)
	next := func(bit uint32) {
		s.Keep(b, s.Compare(NotLess, v, t), s.Load(Bits(bit)))
		Or(at, at, b)
	}
	next(2)
	VPERMPS(s.eighths, at, t)
	next(4)
	VPERMPS(s.last, at, t)
	q := s.Vec()
	if s.Wide() {
		next(8)
		VPERMPS(s.levels[0], at, q)
		return q
	}
	upper = s.Compare(NotLess, v, t)
	VPERMPS(s.levels[0], at, t)
	VPERMPS(s.levels[1], at, q)
	s.Choose(q, upper, q, t)
	return q
}

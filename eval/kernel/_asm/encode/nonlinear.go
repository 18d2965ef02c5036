package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

// values are the levels (block.Uneven4).
var values = [16]float64{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// middle is halfway between levels i and i+1.
func middle(i int) float64 { return (values[i] + values[i+1]) / 2 }

type nonlinear struct {
	Machine
	state, x, w, end reg.GPVirtual
	bits             [4]Mem
	half             Mem    // the middle that halves the levels
	quarters         [2]Mem // those that halve the halves
	eighths, last    Mem    // those that halve what is left, by what was chosen before
	levels           [2]Mem // what is left then
}

// Nonlinear generates searchUneven for many sub-blocks at once: see uneven.go beside _asm for what it computes.
func Nonlinear(m Machine) {
	s := nonlinear{Machine: m, half: m.Float("half", middle(7))}
	for i, name := range []string{"bit0", "bit1", "bit2", "bit3"} {
		s.bits[i] = m.Bits(name, 1<<i)
	}
	s.quarters = [2]Mem{m.Float("quarter0", middle(3)), m.Float("quarter1", middle(11))}
	s.eighths = s.table("eighths", func(i int) float64 { return middle(first(i&3) + 1) })
	s.last = s.table("last", func(i int) float64 { return middle(first(i)) })
	s.levels[0] = s.table("levels0", func(i int) float64 {
		if m.Bytes == 64 && i >= 8 {
			return values[first(i)+1]
		}
		return values[first(i)]
	})
	s.levels[1] = s.table("levels1", func(i int) float64 { return values[first(i)+1] })
	s.search()
}

// first is the first of two levels that are left after three choices, the first choice in bit 0.
func first(i int) int { return 8*(i&1) + 4*(i>>1&1) + 2*(i>>2&1) }

// table is a vector of constants.
func (s *nonlinear) table(name string, f func(i int) float64) Mem {
	t := GLOBL(name+s.Suffix, RODATA|NOPTR)
	for i := range s.Bytes / 4 {
		DATA(4*i, F32(f(i)))
	}
	return t
}

func (s *nonlinear) row(r, group int) Mem {
	return Mem{Base: s.state, Disp: r*s.Row() + group*s.Bytes}
}

func (s *nonlinear) search() {
	signless, tiny, one := s.Bits("signless", 0x7fffffff), s.Float("tiny", 1e-15), s.Float("one", 1)
	lowest, sign := s.Float("lowest", values[0]), s.Bits("sign", 0x80000000)
	s.Func("uneven", "func(state, x, w *float32, n int, steps *float32, count int)",
		"runs searchUneven on the columns of x and w, n rows (a multiple of 4). steps are the candidates after the first.")
	s.state, s.x, s.w, s.end = Arg("state"), Arg("x"), Arg("w"), Arg("n")
	s.Rows(s.end)
	var extreme, magnitude, inverse [Groups]reg.VecVirtual
	for g := range Groups {
		extreme[g], magnitude[g], inverse[g] = s.Zero(), s.Zero(), s.Vec()
	}
	mask := s.Load(signless)
	s.Each("largest", s.end, 4, func(index reg.GPVirtual, disp int) {
		for g := range Groups {
			v, a := s.Load(s.At(s.x, index, disp, g)), s.Vec()
			And(a, v, mask)
			more := s.Compare(Greater, a, magnitude[g])
			s.Choose(extreme[g], more, v, extreme[g])
			s.Choose(magnitude[g], more, a, magnitude[g])
		}
	})
	for g := range Groups {
		s.StoreMask(s.Compare(Less, magnitude[g], s.Load(tiny)), s.row(layout.NonlinearZero, g))
		// the first candidate: 1 / (-extreme / lowest)
		Or(inverse[g], extreme[g], extreme[g])
		VXORPS(s.Load(sign), inverse[g], inverse[g])
		Div(inverse[g], inverse[g], s.Load(lowest))
		Div(inverse[g], s.Load(one), inverse[g])
		none := s.Zero()
		VMOVUPS(none, s.row(layout.NonlinearScale, g))
	}
	xq, q2 := s.sums("first", inverse)
	for g := range Groups {
		f, none := s.Vec(), s.Zero()
		Div(f, xq[g], q2[g])
		s.Keep(f, s.Compare(Greater, q2[g], none), f)
		VMOVUPS(f, s.row(layout.NonlinearScale, g))
		Mul(f, f, xq[g])
		VMOVUPS(f, s.row(layout.NonlinearBest, g))
	}
	steps, count := Arg("steps"), Arg("count")
	Label("candidate")
	for g := range Groups {
		VBROADCASTSS(Mem{Base: steps}, inverse[g])
		Div(inverse[g], inverse[g], extreme[g])
	}
	xq, q2 = s.sums("sums", inverse)
	for g := range Groups {
		s.take(g, xq[g], q2[g])
	}
	ADDQ(Imm(4), steps)
	DECQ(count)
	JNZ(LabelRef("candidate"))
	s.Return()
}

// take keeps the candidate in lanes where it explains more: q2 > 0 and xq^2 > best*q2.
func (s *nonlinear) take(g int, xq, q2 reg.VecVirtual) {
	a, b, old := s.Vec(), s.Vec(), s.Load(s.row(layout.NonlinearBest, g))
	Mul(a, xq, xq)
	Mul(b, old, q2)
	won := s.Compare(Greater, a, b)
	Clear(b)
	s.Both(won, won, s.Compare(Greater, q2, b))
	Div(a, xq, q2)
	Mul(b, a, xq)
	s.Choose(old, won, b, old)
	VMOVUPS(old, s.row(layout.NonlinearBest, g))
	f := s.Load(s.row(layout.NonlinearScale, g))
	s.Choose(f, won, a, f)
	VMOVUPS(f, s.row(layout.NonlinearScale, g))
}

// sums returns the sums of w*q*x and w*q^2 for the levels nearest to inverse*x.
func (s *nonlinear) sums(label string, inverse [Groups]reg.VecVirtual) (xq, q2 [Groups]reg.VecVirtual) {
	for g := range Groups {
		xq[g], q2[g] = s.Zero(), s.Zero()
	}
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

// level returns the level nearest to v, by comparing with the middle of what is left four times.
func (s *nonlinear) level(v reg.VecVirtual) reg.VecVirtual {
	at, t, b := s.Vec(), s.Vec(), s.Vec()
	upper := s.Compare(NotLess, v, s.half)
	s.Keep(at, upper, s.Load(s.bits[0]))
	s.Choose(t, upper, s.Load(s.quarters[1]), s.Load(s.quarters[0]))
	s.Keep(b, s.Compare(NotLess, v, t), s.Load(s.bits[1]))
	Or(at, at, b)
	VPERMPS(s.eighths, at, t)
	s.Keep(b, s.Compare(NotLess, v, t), s.Load(s.bits[2]))
	Or(at, at, b)
	VPERMPS(s.last, at, t)
	upper = s.Compare(NotLess, v, t)
	q := s.Vec()
	if s.Bytes == 64 {
		s.Keep(b, upper, s.Load(s.bits[3]))
		Or(at, at, b)
		VPERMPS(s.levels[0], at, q)
		return q
	}
	VPERMPS(s.levels[0], at, t)
	VPERMPS(s.levels[1], at, q)
	s.Choose(q, upper, q, t)
	return q
}

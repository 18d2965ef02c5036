package encode

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

const shift = 0.125

// levels are the values of the three levels, by the sign of the shift.
var levels = [2][3]float64{{-1 + shift, shift, 1 + shift}, {-1 - shift, -shift, 1 - shift}}

const plus, minus = 0, 1

type iq1 struct {
	search
	index, space                reg.GPVirtual
	score, scale, number, count reg.VecVirtual
}

// IQ1 generates the search of IQ1_S and IQ1_M for many sub-blocks at once: see iq1_split.go of package encode for
// what it computes, and iq1_s.go and iq1_m.go for the sums.
func IQ1(m Machine) {
	s := iq1{search: search{Machine: m}}
	s.sort()
	s.single()
	s.halves()
}

// sort emits a sorting network. Of equal values the one with the smaller index comes first.
func (s *iq1) sort() {
	s.Func("iq1Sort", "func(x, w, index *float32, n int, exchanges *uint32, count int)",
		"sorts n rows of x, and w with them, in each column, and sets index to where they came from. exchanges are count "+
			"pairs of rows, in bytes, that are to be put in order one after the other.")
	x, w, index, end, exchanges, count := Arg("x"), Arg("w"), Arg("index"), Arg("n"), Arg("exchanges"), Arg("count")
	s.RowBytes(end)
	at, step := s.Zero(), s.Load(Float(1))
	s.Each("index", end, 4, func(i reg.GPVirtual, disp int) {
		for g := range Groups {
			VMOVUPS(at, s.At(index, i, disp, g))
		}
		Add(at, at, step)
	})
	Repeat("exchange", count, func() {
		a, b := GP64(), GP64()
		MOVL(Mem{Base: exchanges}, a.As32())
		MOVL(Mem{Base: exchanges, Disp: 4}, b.As32())
		for g := range Groups {
			x0, x1 := s.Load(s.At(x, a, 0, g)), s.Load(s.At(x, b, 0, g))
			i0, i1 := s.Load(s.At(index, a, 0, g)), s.Load(s.At(index, b, 0, g))
			w0, w1 := s.Load(s.At(w, a, 0, g)), s.Load(s.At(w, b, 0, g))
			t := s.Vec()
			turn := s.Compare(Greater, i0, i1)
			s.Both(turn, turn, s.Compare(Equal, x0, x1))
			s.Either(turn, turn, s.Compare(Greater, x0, x1))
			for _, p := range []struct {
				low, high reg.VecVirtual
				table     reg.GPVirtual
			}{{x0, x1, x}, {i0, i1, index}, {w0, w1, w}} {
				s.Choose(t, turn, p.high, p.low)
				s.Choose(p.high, turn, p.low, p.high)
				VMOVUPS(t, s.At(p.table, a, 0, g))
				VMOVUPS(p.high, s.At(p.table, b, 0, g))
			}
		}
	}, By(8, exchanges))
	End()
}

// start begins a function that splits n sorted rows, group by group.
func (s *iq1) start(name, doc string) (groups reg.GPVirtual) {
	s.Func(name, "func(state, x, w, index, space *float32)", doc)
	s.state, s.x, s.w, s.index, s.space = Arg("state"), Arg("x"), Arg("w"), Arg("index"), Arg("space")
	groups = GP64()
	MOVQ(U32(Groups), groups)
	Label("group")
	return groups
}

// first starts from no choice.
func (s *iq1) first() {
	s.score, s.scale, s.count = s.Load(Float(-math.MaxFloat32)), s.Zero(), s.Zero()
	s.number = s.Vec()
	VPSUBD(s.Load(Bits(1)), s.count, s.number)
}

// beats takes the choice with these sums where it explains more: see better.
func (s *iq1) beats(xq, q2 reg.VecVirtual) {
	won, scale, score := s.better(xq, q2, s.score)
	s.Choose(s.score, won, score, s.score)
	s.Choose(s.scale, won, scale, s.scale)
	s.Choose(s.number, won, s.count, s.number)
	VPADDD(Bits(1), s.count, s.count)
}

// finish stores a group's result and goes on with the next.
func (s *iq1) finish(groups reg.GPVirtual) {
	for r, v := range []reg.VecVirtual{layout.IQ1Scale: s.scale, layout.IQ1Score: s.score, layout.IQ1Number: s.number} {
		VMOVUPS(v, s.row(r, 0))
	}
	s.next(1, s.state, s.x, s.w, s.index, s.space)
	DECQ(groups)
	JNZ(LabelRef("group"))
	End()
}

// choices emits the loops over the boundaries low <= high of n values; both are rows of the tables in space.
func (s *iq1) choices(n int, outer, inner func(at reg.GPVirtual)) {
	low, high, end := GP64(), GP64(), GP64()
	MOVQ(s.space, low)
	LEAQ(Mem{Base: s.space, Disp: n * s.Row()}, end)
	Label("low")
	outer(low)
	MOVQ(low, high)
	Label("high")
	inner(high)
	ADDQ(I32(int32(s.Row())), high)
	CMPQ(high, end)
	JBE(LabelRef("high"))
	ADDQ(I32(int32(s.Row())), low)
	CMPQ(low, end)
	JBE(LabelRef("low"))
}

// levelSums returns the sums of w*q*x and w*q^2 of values with the same q, given those of w*x and w.
func (s *iq1) levelSums(sumX, sumW reg.VecVirtual, q float64) (xq, q2 reg.VecVirtual) {
	xq, q2 = s.Vec(), s.Vec()
	Mul(xq, sumX, Float(q))
	Mul(q2, sumW, Float(q))
	Mul(q2, q2, Float(q))
	return xq, q2
}

// single is IQ1_S's search.
func (s *iq1) single() {
	const n = 32
	const sumX, sumW, above = 0, 1, 2 // tables in space; above are four: xq and q2, by the shift
	table := func(base reg.GPVirtual, t, row int) Mem {
		return Mem{Base: base, Disp: (t*(n+1) + row) * s.Row()}
	}
	groups := s.start("iq1Split32",
		"tries all boundaries of 32 sorted rows with both shifts. space is working space of 6*33 rows.")
	x, w := s.Zero(), s.Zero()
	VMOVUPS(x, table(s.space, sumX, 0))
	VMOVUPS(w, table(s.space, sumW, 0))
	for i := range n {
		weight, t := s.Load(Mem{Base: s.w, Disp: i * s.Row()}), s.Vec()
		Mul(t, weight, Mem{Base: s.x, Disp: i * s.Row()})
		Add(x, x, t)
		Add(w, w, weight)
		VMOVUPS(x, table(s.space, sumX, i+1))
		VMOVUPS(w, table(s.space, sumW, i+1))
	}
	at, left := Copy(s.space), Copy(U32(n+1))
	Label("above")
	dx, dw := s.Vec(), s.Vec()
	Sub(dx, x, table(at, sumX, 0))
	Sub(dw, w, table(at, sumW, 0))
	for shift := range levels {
		xq, q2 := s.levelSums(dx, dw, levels[shift][2])
		VMOVUPS(xq, table(at, above+2*shift, 0))
		VMOVUPS(q2, table(at, above+2*shift+1, 0))
	}
	ADDQ(I32(int32(s.Row())), at)
	DECQ(left)
	JNZ(LabelRef("above"))

	s.first()
	var belowXQ, belowQ2 [2]reg.VecVirtual
	lowX, lowW := s.Vec(), s.Vec()
	s.choices(n, func(at reg.GPVirtual) {
		VMOVUPS(table(at, sumX, 0), lowX)
		VMOVUPS(table(at, sumW, 0), lowW)
		for shift := range levels {
			belowXQ[shift], belowQ2[shift] = s.levelSums(lowX, lowW, levels[shift][0])
		}
	}, func(at reg.GPVirtual) {
		dx, dw := s.Load(table(at, sumX, 0)), s.Load(table(at, sumW, 0))
		Sub(dx, dx, lowX)
		Sub(dw, dw, lowW)
		between, between2 := s.levelSums(dx, dw, levels[plus][1])
		xq, q2 := s.Vec(), s.Vec()
		Add(xq, belowXQ[plus], between)
		Add(xq, xq, table(at, above, 0))
		Add(q2, belowQ2[plus], between2)
		Add(q2, q2, table(at, above+1, 0))
		s.beats(xq, q2)
		xq, q2 = s.Vec(), s.Vec()
		Sub(xq, belowXQ[minus], between) // the middle level is worth the opposite: the square is the same
		Add(xq, xq, table(at, above+2, 0))
		Add(q2, belowQ2[minus], between2)
		Add(q2, q2, table(at, above+3, 0))
		s.beats(xq, q2)
	})
	s.finish(groups)
}

// halves is IQ1_M's search.
func (s *iq1) halves() {
	const n = 16
	// Tables in space, of both halves: sums of w*x, of w, and what a boundary contributes, by the shift.
	const sumX, sumW, low, high, tops = 0, 2, 4, 8, 12
	table := func(base reg.GPVirtual, t, row int) Mem {
		return Mem{Base: base, Disp: (t*(n+1) + row) * s.Row()}
	}
	top := func(half, shift int) Mem { return table(s.space, tops, 2*half+shift) }
	groups := s.start("iq1Split16", "tries all boundaries of 16 sorted rows with all shifts of both halves. "+
		"space is working space of 13*17 rows.")
	var x, w [2]reg.VecVirtual
	for half := range x {
		x[half], w[half] = s.Zero(), s.Zero()
		VMOVUPS(x[half], table(s.space, sumX+half, 0))
		VMOVUPS(w[half], table(s.space, sumW+half, 0))
	}
	for i := range n {
		weight, wx, t := s.Load(Mem{Base: s.w, Disp: i * s.Row()}), s.Vec(), s.Vec()
		Mul(wx, weight, Mem{Base: s.x, Disp: i * s.Row()})
		second := s.Compare(NotLess, s.Load(Mem{Base: s.index, Disp: i * s.Row()}), Float(8))
		for half := range x {
			for _, sum := range []struct{ to, v reg.VecVirtual }{{x[half], wx}, {w[half], weight}} {
				if half == 0 {
					s.Drop(t, second, sum.v)
				} else {
					s.Keep(t, second, sum.v)
				}
				Add(sum.to, sum.to, t)
			}
			VMOVUPS(x[half], table(s.space, sumX+half, i+1))
			VMOVUPS(w[half], table(s.space, sumW+half, i+1))
		}
	}
	for half := range x {
		for shift, v := range levels {
			all, t := s.Vec(), s.Vec()
			Mul(t, x[half], Float(v[2]))
			VMOVUPS(t, top(half, shift))
			Mul(all, w[half], Float(v[2]))
			Mul(all, all, Float(v[2]))
			for i := range n + 1 {
				sum := s.Load(table(s.space, sumW+half, i))
				Mul(t, sum, Float(v[0]*v[0]-v[1]*v[1]))
				Add(t, all, t)
				VMOVUPS(t, table(s.space, low+2*half+shift, i))
				Mul(t, sum, Float(v[1]*v[1]-v[2]*v[2]))
				VMOVUPS(t, table(s.space, high+2*half+shift, i))
			}
		}
	}

	s.first()
	var from reg.GPVirtual
	s.choices(n, func(at reg.GPVirtual) { from = at }, func(at reg.GPVirtual) {
		var xq, q2 [2][2]reg.VecVirtual // by half and shift
		for half := range xq {
			t := s.Load(table(at, sumX+half, 0))
			Add(t, t, table(from, sumX+half, 0))
			for shift := range levels {
				xq[half][shift] = s.Load(top(half, shift))
				Sub(xq[half][shift], xq[half][shift], t)
				q2[half][shift] = s.Load(table(at, high+2*half+shift, 0))
				Add(q2[half][shift], q2[half][shift], table(from, low+2*half+shift, 0))
			}
		}
		for first := range levels {
			for second := range levels {
				x, q := s.Vec(), s.Vec()
				Add(x, xq[0][first], xq[1][second])
				Add(q, q2[0][first], q2[1][second])
				s.beats(x, q)
			}
		}
	})
	s.finish(groups)
}

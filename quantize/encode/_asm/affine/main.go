// Command affine generates searchAffine for many sub-blocks at once: see affine.go beside _asm for what it computes.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/quantize/encode/asm/wide"
)

// Rows of the state table: first the results, which lanes_affine.go reads, then what outlives a pass.
const (
	scale = iota
	minimum
	inverse // the candidate that won: its inverse step
	origin  // and what it measured from
	sumW
	zero // mask: all values equal and none positive
	redo // mask: something happened that plain Go must look at
	// results end here
	sumX
	low   // the minimum to measure from, at most 0
	high  // the largest value
	floor // the first low
	best  // the smallest error
	step  // the candidate's inverse step
	fitScale
	fitOffset
)

type search struct {
	Machine
	x, w, q, state reg.GPVirtual
	end            reg.GPVirtual // of the tables x, w, q
	steps          reg.GPVirtual // numerators of the inverse steps; the first is the top level
	absolute       bool
	signless, sign Mem
	wrap, one      Mem
	name           string
}

func main() {
	m := Parse()
	signless, sign := m.Bits("signless", 0x7fffffff), m.Bits("sign", 0x80000000)
	wrap, one := m.Float("wrap", Wrap), m.Float("one", 1)
	for _, absolute := range []bool{false, true} {
		s := search{Machine: m, absolute: absolute, signless: signless, sign: sign, wrap: wrap, one: one, name: "affineSquares"}
		errors := "squared"
		if absolute {
			s.name, errors = "affineMagnitudes", "absolute"
		}
		m.Func(s.name, "func(state, x, w, q *float32, n int, steps *float32, count int)",
			"runs searchAffine with weighted "+errors+" errors on all columns of x and w, n rows (a multiple of 4). steps are the "+
				"top level and count numerators of inverse steps; q is working space like x.")
		s.function()
	}
	Generate()
}

// The four groups of a row are worked on together: the sums of two at a time, which is what the registers hold, then the
// errors of all four. So there is always work while a sum waits for its last addition or a division.
func (s *search) function() {
	s.state, s.x, s.w, s.q = Arg("state"), Arg("x"), Arg("w"), Arg("q")
	s.end, s.steps = Arg("n"), Arg("steps")
	s.Rows(s.end)
	for g := range Groups {
		s.extent(g)
	}
	s.first()
	count := Arg("count")
	Label(s.name + "Candidate")
	ADDQ(Imm(4), s.steps)
	s.candidate()
	DECQ(count)
	JNZ(LabelRef(s.name + "Candidate"))
	for g := range Groups {
		s.finish(g)
	}
	s.Return()
}

// row is the place of a group in a row of the state.
func (s *search) row(r, group int) Mem {
	return Mem{Base: s.state, Disp: r*s.Row() + group*s.Bytes}
}

func (s *search) store(v Op, r, group int) { VMOVUPS(v, s.row(r, group)) }

// extent finds the smallest and largest value and the sums of w and w*x. The sums start from the first element, not
// from zero: -0 would change.
func (s *search) extent(g int) {
	x0, w0 := Mem{Base: s.x, Disp: g * s.Bytes}, Mem{Base: s.w, Disp: g * s.Bytes}
	lo, hi, sw, sx := s.Load(x0), s.Load(x0), s.Load(w0), s.Vec()
	Mul(sx, sw, x0)
	index, v, t := GP64(), s.Vec(), s.Vec()
	MOVQ(I32(int32(s.Row())), index)
	label := s.label("Extent", g)
	Label(label)
	VMOVUPS(s.At(s.x, index, 0, g), v)
	Min(lo, v, lo)
	Max(hi, v, hi)
	VMOVUPS(s.At(s.w, index, 0, g), t)
	Add(sw, sw, t)
	Mul(t, t, v)
	Add(sx, sx, t)
	ADDQ(I32(int32(s.Row())), index)
	CMPQ(index, s.end)
	JB(LabelRef(label))

	z := s.Zero()
	AndNot(lo, lo, s.Compare(Greater, lo, z))
	s.store(s.Compare(LessEqual, hi, lo), zero, g)
	s.store(lo, low, g)
	s.store(lo, floor, g)
	s.store(lo, origin, g)
	s.store(hi, high, g)
	s.store(sw, sumW, g)
	s.store(sx, sumX, g)
	// (w - w) + (wx - wx) is zero unless a sum is not finite.
	Sub(sw, sw, sw)
	Sub(sx, sx, sx)
	Add(sw, sw, sx)
	s.store(s.Compare(NotEqual, sw, z), redo, g)
}

func (s *search) label(name string, g int) string { return s.name + name + string(rune('0'+g)) }

// first evaluates the step top / (high - low) with the scale 1/step and no fit.
func (s *search) first() {
	for g := range Groups {
		s.prepare(g)
	}
	one := s.Broadcast(s.one)
	for g := range Groups {
		v := s.Load(s.row(step, g))
		s.store(v, inverse, g)
		Div(v, one, v)
		s.store(v, scale, g)
		s.store(v, fitScale, g)
		VMOVUPS(s.row(low, g), v)
		s.store(v, fitOffset, g)
	}
	for g := 0; g < Groups; g += 2 {
		s.levels(s.label("FirstLevels", g), g, func(index reg.GPVirtual, disp, i int, level reg.VecVirtual) {})
	}
	for g, e := range s.errors(s.name + "FirstErrors") {
		s.store(e, best, g)
	}
}

// prepare stores the inverse step of the numerator at steps.
func (s *search) prepare(g int) {
	inv, from := s.Load(s.row(high, g)), s.Load(s.row(low, g))
	Sub(inv, inv, from)
	Div(inv, s.Broadcast(Mem{Base: s.steps}), inv)
	s.store(inv, step, g)
	s.check(g, inv, from)
}

// levels fills q with the levels of groups g and g+1; more gets each level, i being 0 or 1.
func (s *search) levels(label string, g int, more func(index reg.GPVirtual, disp, i int, level reg.VecVirtual)) {
	var inv, from [2]reg.VecVirtual
	for i := range 2 {
		inv[i], from[i] = s.Load(s.row(step, g+i)), s.Load(s.row(low, g+i))
	}
	top, none := s.Vec(), s.Zero()
	steps := GP64()
	Load(Param("steps"), steps)
	VBROADCASTSS(Mem{Base: steps}, top)
	s.Each(label, s.end, 2, func(index reg.GPVirtual, disp int) {
		for i := range 2 {
			l := s.Load(s.At(s.x, index, disp, g+i))
			Sub(l, l, from[i])
			Mul(l, l, inv[i])
			s.Round(l, l)
			Min(l, l, top)
			Max(l, l, none) // +0 where l is -0
			VMOVUPS(l, s.At(s.q, index, disp, g+i))
			more(index, disp, i, l)
		}
	})
}

// check notes lanes where step*(x - from) may reach Wrap for some x: it lies between the values for floor and high.
func (s *search) check(g int, inv, from reg.VecVirtual) {
	a := s.Load(s.row(floor, g))
	b := s.Load(s.row(high, g))
	for _, v := range []reg.VecVirtual{a, b} {
		Sub(v, v, from)
		Mul(v, v, inv)
		And(v, v, s.signless)
	}
	r := s.Load(s.row(redo, g))
	Or(r, r, s.Compare(NotLess, a, s.wrap))
	Or(r, r, s.Compare(NotLess, b, s.wrap))
	s.store(r, redo, g)
}

// errors adds up w*d^2 or w*|d| with d = scale*q + offset - x.
func (s *search) errors(label string) (total [Groups]reg.VecVirtual) {
	var scale, offset [Groups]reg.VecVirtual
	for g := range Groups {
		scale[g], offset[g], total[g] = s.Load(s.row(fitScale, g)), s.Load(s.row(fitOffset, g)), s.Zero()
	}
	s.Each(label, s.end, 2, func(index reg.GPVirtual, disp int) {
		for g := range Groups {
			d := s.Vec()
			Mul(d, scale[g], s.At(s.q, index, disp, g))
			Add(d, d, offset[g])
			Sub(d, d, s.At(s.x, index, disp, g))
			if s.absolute {
				And(d, d, s.signless)
			} else {
				Mul(d, d, d)
			}
			Mul(d, d, s.At(s.w, index, disp, g))
			Add(total[g], total[g], d)
		}
	})
	return total
}

// candidate fits scale and offset to the levels of the next step by weighted least squares, and takes them where they
// leave a smaller error.
func (s *search) candidate() {
	for g := range Groups {
		s.prepare(g)
	}
	for g := 0; g < Groups; g += 2 {
		var q1, q2, xq [2]reg.VecVirtual
		for i := range 2 {
			q1[i], q2[i], xq[i] = s.Zero(), s.Zero(), s.Zero()
		}
		s.levels(s.label("Levels", g), g, func(index reg.GPVirtual, disp, i int, l reg.VecVirtual) {
			t := s.Vec()
			Mul(t, l, s.At(s.w, index, disp, g+i)) // w*q
			Add(q1[i], q1[i], t)
			Mul(l, l, t) // w*q*q
			Add(q2[i], q2[i], l)
			Mul(t, t, s.At(s.x, index, disp, g+i)) // w*q*x
			Add(xq[i], xq[i], t)
		})
		for i := range 2 {
			s.solve(g+i, q1[i], q2[i], xq[i])
		}
	}
	for g, e := range s.errors(s.name + "Errors") {
		s.take(g, e)
	}
}

// solve stores the group's scale and offset. Where the determinant is not positive the scale becomes NaN: then so is the
// error, and the candidate does not win.
func (s *search) solve(g int, q1, q2, xq reg.VecVirtual) {
	sw, sx := s.Load(s.row(sumW, g)), s.Load(s.row(sumX, g))
	det, a, b := s.Vec(), s.Vec(), s.Vec()
	Mul(det, sw, q2)
	Mul(a, q1, q1)
	Sub(det, det, a)
	Mul(a, sw, xq)
	Mul(b, sx, q1)
	Sub(a, a, b)
	Div(a, a, det) // the scale
	Mul(b, q2, sx)
	Mul(q1, q1, xq)
	Sub(b, b, q1)
	Div(b, b, det) // the offset
	none := s.Zero()
	above := s.Compare(Greater, b, none)
	AndNot(b, b, above)
	s.store(b, fitOffset, g)
	Div(xq, xq, q2)
	s.Choose(a, above, xq, a)
	Or(a, a, s.Compare(NotLess, none, det)) // !(det > 0)
	s.store(a, fitScale, g)
}

// take keeps the candidate in lanes where its error is the smallest so far.
func (s *search) take(g int, e reg.VecVirtual) {
	least := s.Load(s.row(best, g))
	won := s.Compare(Less, e, least)
	AndNot(won, won, s.Load(s.row(zero, g)))
	s.Choose(least, won, e, least)
	s.store(least, best, g)
	for _, keep := range [][2]int{{scale, fitScale}, {inverse, step}, {origin, low}, {low, fitOffset}} { // origin before low moves on
		v := s.Load(s.row(keep[0], g))
		s.Choose(v, won, s.row(keep[1], g), v)
		s.store(v, keep[0], g)
	}
}

// finish writes the minimum, and scale 0 for lanes of zeros.
func (s *search) finish(g int) {
	z, v := s.Load(s.row(zero, g)), s.Load(s.row(scale, g))
	AndNot(v, v, z)
	s.store(v, scale, g)
	VMOVUPS(s.row(redo, g), v)
	AndNot(v, v, z)
	s.store(v, redo, g)
	VMOVUPS(s.row(low, g), v)
	VXORPS(s.sign, v, v)
	s.store(v, minimum, g)
}

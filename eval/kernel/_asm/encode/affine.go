package encode

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/quantize/encode/layout"
)

type affine struct {
	search
	steps    reg.GPVirtual // numerators of the inverse steps; the first is the top level
	absolute bool
	top      Mem
	below    reg.GPVirtual // candidates left that need no clamp at the top
	name     string

	together [][]int                        // groups that a loop works on: one, if the next loop hides its latency
	held     map[int][Groups]reg.VecVirtual // rows of the state that registers hold
	masks    map[int][Groups]Mask
	label    int
	turns    [2]int // rows that take turns, in levels and errors
}

// Affine generates searchAffine for many sub-blocks at once: see affine.go of package encode for what it computes.
func Affine(m Machine) {
	for _, absolute := range []bool{false, true} {
		s := affine{search: search{Machine: m}, absolute: absolute, name: "affineSquares"}
		errors := "squared"
		if absolute {
			s.name, errors = "affineMagnitudes", "absolute"
		}
		m.Func(s.name, "func(state, x, w, q *float32, n int, steps *float32, below, count int)",
			"runs searchAffine with weighted "+errors+" errors on all columns of x and w, n rows (a multiple of 4). steps "+
				"are the top level and count numerators of inverse steps, of which the first below stay under the top level "+
				"and a half; q is working space like x.")
		s.function()
	}
}

func (s *affine) function() {
	s.state, s.x, s.w, s.q = Arg("state"), Arg("x"), Arg("w"), Arg("q")
	s.end, s.steps = Arg("n"), Arg("steps")
	s.RowBytes(s.end)
	s.hold()
	first := Copy(s.steps)
	s.top = Mem{Base: first}
	s.extent()
	s.first()
	s.below = Arg("below")
	count := Arg("count")
	Repeat(s.name+"Candidate", count, func() {
		ADDQ(Imm(4), s.steps)
		s.candidate()
		DECQ(s.below)
	})
	s.finish()
	End()
}

// hold keeps what candidates read in registers, for which 32 are enough.
func (s *affine) hold() {
	s.together, s.turns = [][]int{{0, 1}}, [2]int{1, 1}
	if s.Bytes == 64 {
		s.together, s.turns = [][]int{{0}, {1}}, [2]int{2, 4}
		s.held = map[int][Groups]reg.VecVirtual{}
		for _, r := range []int{layout.AffineScale, layout.AffineInverse, layout.AffineOrigin, layout.AffineLow,
			layout.AffineHigh, layout.AffineBest, layout.AffineStep} {
			s.held[r] = [Groups]reg.VecVirtual{s.Vec(), s.Vec()}
		}
		s.masks = map[int][Groups]Mask{
			layout.AffineZero: {s.Nothing(), s.Nothing()}, layout.AffineRedo: {s.Nothing(), s.Nothing()}}
	}
}

// place is a group in a row of the state, in a register if one holds it.
func (s *affine) place(r, group int) Op {
	if v, ok := s.held[r]; ok {
		return v[group]
	}
	return s.row(r, group)
}

// mask and setMask read and write a row that is a mask.
func (s *affine) mask(r, group int) Mask {
	if k, ok := s.masks[r]; ok {
		return k[group]
	}
	return s.LoadMask(s.row(r, group))
}

func (s *affine) setMask(v Mask, r, group int) {
	if k, ok := s.masks[r]; ok {
		s.Either(k[group], v, v)
		return
	}
	s.StoreMask(v, s.row(r, group))
}

func (s *affine) store(v Op, r, group int) { VMOVUPS(v, s.place(r, group)) }

// each is EachOf with a label of its own.
func (s *affine) each(turns int, body func(index reg.GPVirtual, disp int) []func()) {
	s.label++
	s.EachOf(fmt.Sprintf("%sRows%d", s.name, s.label), s.end, 4, turns, body)
}

// extent finds the smallest and largest value and the sums of w and w*x. The sums start from the first element, not
// from zero: -0 would change.
func (s *affine) extent() {
	for g := range Groups {
		x0, w0 := Mem{Base: s.x, Disp: g * s.Bytes}, Mem{Base: s.w, Disp: g * s.Bytes}
		lo, hi, sw, sx := s.Load(x0), s.Load(x0), s.Load(w0), s.Vec()
		Mul(sx, sw, x0)
		index, v, t := GP64(), s.Vec(), s.Vec()
		MOVQ(I32(int32(s.Row())), index)
		label := s.name + "Extent" + string(rune('0'+g))
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
		s.Drop(lo, s.Compare(Greater, lo, z), lo)
		s.setMask(s.Compare(LessEqual, hi, lo), layout.AffineZero, g)
		s.store(lo, layout.AffineLow, g)
		s.store(lo, layout.AffineFloor, g)
		s.store(lo, layout.AffineOrigin, g)
		s.store(hi, layout.AffineHigh, g)
		s.store(sw, layout.AffineSum, g)
		s.store(sx, layout.AffineSumX, g)
		// (w - w) + (wx - wx) is zero unless a sum is not finite.
		Sub(sw, sw, sw)
		Sub(sx, sx, sx)
		Add(sw, sw, sx)
		s.setMask(s.Compare(NotEqual, sw, z), layout.AffineRedo, g)
	}
}

// first evaluates the step top / (high - low) with the scale 1/step and no fit.
func (s *affine) first() {
	for _, groups := range s.together {
		s.levels(groups, func() {}, func(index reg.GPVirtual, disp, g int, level, x reg.VecVirtual) []func() { return nil })
		f, one := s.newFit(), s.Broadcast(Float(1))
		for _, g := range groups {
			VMOVUPS(s.place(layout.AffineStep, g), f.scale[g])
			s.store(f.scale[g], layout.AffineInverse, g)
			Div(f.scale[g], one, f.scale[g])
			s.store(f.scale[g], layout.AffineScale, g)
			VMOVUPS(s.place(layout.AffineLow, g), f.offset[g])
		}
		s.errors(groups, f)
		for _, g := range groups {
			s.store(f.total[g], layout.AffineBest, g)
		}
	}
}

// levels computes the inverse step of the numerator at steps and fills q with its levels. start emits what comes before
// the loop, more what is done with each level and value.
func (s *affine) levels(groups []int, start func(),
	more func(index reg.GPVirtual, disp, group int, level, x reg.VecVirtual) []func()) {
	var inv, from [Groups]reg.VecVirtual
	top, none := s.Vec(), s.Zero()
	for _, g := range groups {
		inv[g], from[g] = s.Load(s.place(layout.AffineHigh, g)), s.Load(s.place(layout.AffineLow, g))
		Sub(inv[g], inv[g], from[g])
		Div(inv[g], s.Broadcast(Mem{Base: s.steps}), inv[g])
		s.store(inv[g], layout.AffineStep, g)
		s.check(g, inv[g], from[g], none)
	}
	start()
	rows := func(clamp func(l reg.VecVirtual)) {
		s.each(s.turns[0], func(index reg.GPVirtual, disp int) (steps []func()) {
			for _, g := range groups {
				x, l := s.Vec(), s.Vec()
				steps = append(steps,
					func() { VMOVUPS(s.At(s.x, index, disp, g), x) },
					func() { Sub(l, x, from[g]) },
					func() { Mul(l, l, inv[g]) },
					func() { s.Round(l, l) },
					func() { clamp(l) },
					func() { VMOVUPS(l, s.At(s.q, index, disp, g)) },
				)
				steps = append(steps, more(index, disp, g, l, x)...)
			}
			return steps
		})
	}
	if s.below == nil { // the first step puts the largest value on the top level
		rows(func(l reg.VecVirtual) { NotBelow(l, l, none) })
		return
	}
	s.label++
	above, done := fmt.Sprintf("%sAbove%d", s.name, s.label), fmt.Sprintf("%sDone%d", s.name, s.label)
	TESTQ(s.below, s.below)
	JLE(LabelRef(above))
	rows(func(l reg.VecVirtual) { NotBelow(l, l, none) })
	JMP(LabelRef(done))
	Label(above)
	VBROADCASTSS(s.top, top)
	rows(func(l reg.VecVirtual) { Between(l, l, top, none) })
	Label(done)
}

// check notes lanes where step*(x - from) may reach Wrap for some x between floor and high. It is largest at high, and
// there about the numerator, unless the step is infinite, NaN, negative, or 0 because the range is infinite.
func (s *affine) check(g int, inv, from, none reg.VecVirtual) {
	a := s.Load(s.place(layout.AffineFloor, g))
	Sub(a, a, from)
	Mul(a, a, inv)
	And(a, a, signless())
	r := s.mask(layout.AffineRedo, g)
	s.Either(r, r, s.Compare(NotLess, a, wrap()))
	s.Either(r, r, s.Compare(LessEqual, inv, none))
	s.setMask(r, layout.AffineRedo, g)
}

// fit holds, per group, a candidate's scale and offset, and the error they leave.
type fit struct{ scale, offset, total [Groups]reg.VecVirtual }

func (s *affine) newFit() *fit {
	f := &fit{}
	for g := range Groups {
		f.scale[g], f.offset[g], f.total[g] = s.Vec(), s.Vec(), s.Vec()
	}
	return f
}

// errors adds up w*d^2 or w*|d| with d = scale*q + offset - x.
func (s *affine) errors(groups []int, f *fit) {
	for _, g := range groups {
		Clear(f.total[g])
	}
	var mask reg.VecVirtual
	if s.absolute {
		mask = s.Load(signless())
	}
	s.each(s.turns[1], func(index reg.GPVirtual, disp int) (steps []func()) {
		for _, g := range groups {
			d := s.Vec()
			steps = append(steps,
				func() { Mul(d, f.scale[g], s.At(s.q, index, disp, g)) },
				func() { Add(d, d, f.offset[g]) },
				func() { Sub(d, d, s.At(s.x, index, disp, g)) },
				func() {
					if s.absolute {
						And(d, d, mask)
					} else {
						Mul(d, d, d)
					}
				},
				func() { Mul(d, d, s.At(s.w, index, disp, g)) },
				func() { Add(f.total[g], f.total[g], d) },
			)
		}
		return steps
	})
}

// candidate fits scale and offset to the levels of the next step by weighted least squares, and takes them where they
// leave a smaller error.
func (s *affine) candidate() {
	f := s.newFit()
	for _, groups := range s.together {
		var q1, q2, xq [Groups]reg.VecVirtual
		start := func() {
			for _, g := range groups {
				q1[g], q2[g], xq[g] = s.Zero(), s.Zero(), s.Zero()
			}
		}
		s.levels(groups, start, func(index reg.GPVirtual, disp, g int, l, x reg.VecVirtual) []func() {
			t := s.Vec()
			return []func(){
				func() { Mul(t, l, s.At(s.w, index, disp, g)) }, // w*q
				func() { Add(q1[g], q1[g], t) },
				func() { Mul(l, l, t) }, // w*q*q
				func() { Add(q2[g], q2[g], l) },
				func() { Mul(t, t, x) }, // w*q*x
				func() { Add(xq[g], xq[g], t) },
			}
		})
		for _, g := range groups {
			s.solve(g, q1[g], q2[g], xq[g], f)
		}
	}
	for _, groups := range s.together {
		s.errors(groups, f)
		for _, g := range groups {
			s.take(g, f)
		}
	}
}

// solve sets the group's scale and offset. Where the determinant is not positive the scale becomes NaN: then so is the
// error, and the candidate does not win.
func (s *affine) solve(g int, q1, q2, xq reg.VecVirtual, f *fit) {
	sw, sx := s.Load(s.place(layout.AffineSum, g)), s.Load(s.place(layout.AffineSumX, g))
	det, a, b := s.Vec(), s.Vec(), s.Vec()
	Mul(det, sw, q2)
	Mul(a, q1, q1)
	Sub(det, det, a)
	Mul(a, sw, xq)
	Mul(b, sx, q1)
	Sub(a, a, b)
	Div(f.scale[g], a, det)
	Mul(a, q2, sx)
	Mul(b, q1, xq)
	Sub(a, a, b)
	Div(f.offset[g], a, det)
	none := s.Zero()
	above := s.Compare(Greater, f.offset[g], none)
	s.Any(above)
	s.label++
	label := fmt.Sprintf("%sBelow%d", s.name, s.label)
	JZ(LabelRef(label)) // the usual case: values have both signs
	s.Drop(f.offset[g], above, f.offset[g])
	Div(xq, xq, q2)
	s.Choose(f.scale[g], above, xq, f.scale[g])
	Label(label)
	bad := s.Compare(NotLess, none, det) // !(det > 0)
	s.Choose(f.scale[g], bad, Bits(0x7fc00000), f.scale[g])
}

// take keeps the candidate in lanes where its error is the smallest so far.
func (s *affine) take(g int, f *fit) {
	won := s.Compare(Less, f.total[g], s.place(layout.AffineBest, g))
	s.Except(won, won, s.mask(layout.AffineZero, g))
	keep := func(v Op, r int) {
		if old, ok := s.held[r]; ok {
			s.Choose(old[g], won, v, old[g])
			return
		}
		old := s.Load(s.place(r, g))
		s.Choose(old, won, v, old)
		s.store(old, r, g)
	}
	keep(f.total[g], layout.AffineBest)
	keep(f.scale[g], layout.AffineScale)
	keep(s.place(layout.AffineStep, g), layout.AffineInverse)
	keep(s.place(layout.AffineLow, g), layout.AffineOrigin) // before low moves on
	keep(f.offset[g], layout.AffineLow)
}

// finish writes the minimum, and scale 0 for lanes of zeros.
func (s *affine) finish() {
	for g := range Groups {
		z, r := s.mask(layout.AffineZero, g), s.mask(layout.AffineRedo, g)
		s.StoreMask(z, s.row(layout.AffineZero, g))
		s.Except(r, r, z)
		s.StoreMask(r, s.row(layout.AffineRedo, g))
		v := s.Load(s.place(layout.AffineScale, g))
		s.Drop(v, z, v)
		VMOVUPS(v, s.row(layout.AffineScale, g))
		VMOVUPS(s.place(layout.AffineLow, g), v)
		VXORPS(sign(), v, v)
		VMOVUPS(v, s.row(layout.AffineMin, g))
		for _, r := range []int{layout.AffineInverse, layout.AffineOrigin} {
			if held, ok := s.held[r]; ok {
				VMOVUPS(held[g], s.row(r, g))
			}
		}
	}
}

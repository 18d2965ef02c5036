package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// negligible factors become 0: products with them would be denormal numbers.
const negligible = 1e-30

// EmitStateSpace generates what a state space needs.
func EmitStateSpace(to Machine) {
	m := functions{to}
	m.softplus()
	m.expRates()
	m.stepState()
	m.decayRows()
	m.mulRows()
}

// softplus is max(x, 0) + log(1+y) with y = exp(-|x|), and log(1+y) = 2*artanh(y/(2+y)), whose argument is at most 1/3:
// the series up to the fifteenth power is exact to 2e-9.
func (m functions) softplus() {
	m.Func("softplus", "func(x *float32, n int)", "sets x[i] = log(1+exp(x[i])).")
	x, e := Arg("x"), m.exponential()
	signs, two := m.constant(0x80000000), m.float(2)
	var series []Op
	for n := 15; n >= 1; n -= 2 {
		series = append(series, m.float(2/float64(n)))
	}
	zero := m.Zero()
	m.replace(x, func(v reg.VecVirtual) {
		y, square, over := m.Vec(), m.Vec(), m.Vec()
		Or(y, v, signs)
		e.exp(y)
		VADDPS(two, y, over)
		VDIVPS(over, y, y)
		VMULPS(y, y, square)
		p := m.polynomial(series, square)
		VMAXPS(v, zero, v) // the second operand, v, when it is NaN
		VFMADD231PS(p, y, v)
	})
}

func (m functions) expRates() {
	m.Func("exp", "func(x *float32, n int)", "sets x[i] = exp(x[i]), or 0 where that is negligible.")
	x, e, least := Arg("x"), m.exponential(), m.float(negligible)
	m.replace(x, func(v reg.VecVirtual) {
		e.exp(v)
		m.Keep(v, m.Compare(NotLess, v, least), v)
	})
}

// stepState moves panels of a state on, as the second half of a step of the gated delta rule does.
func (m functions) stepState() {
	d := delta{functions: m, vectors: layout.Vector / m.Bytes}
	m.Func("stepState", "func(h *float32, b *float32, c *float32, n int, v *float32, y *float32, panels int, "+
		"decay float32, gain float32, skip float32)", "moves the panels of a state on by a token: see StepState.")
	d.s, d.k, d.q, d.rows = Arg("h"), Arg("b"), Arg("c"), Arg("n")
	v, y := Arg("v"), Arg("y")
	decay, gain, skip := m.FloatArg("decay"), m.FloatArg("gain"), m.FloatArg("skip")
	Repeat("panel", Arg("panels"), func() {
		by := m.Vectors(d.vectors)
		for i, by := range by {
			VMULPS(Mem{Base: v, Disp: i * m.Bytes}, gain, by)
		}
		for i, sum := range d.write(by, decay) {
			VFMADD231PS(Mem{Base: v, Disp: i * m.Bytes}, skip, sum)
			VMOVUPS(sum, Mem{Base: y, Disp: i * m.Bytes})
		}
		MOVQ(d.row, d.s)
	}, By(layout.Vector, v, y))
	End()
}

// decayRows keeps the factors of sixteen columns in registers. The unit vectors are windows of zeros around a one.
func (m functions) decayRows() {
	const columns = 16
	m.Func("decayRows", "func(dst *float32, src *float32, stride int, diagonal int, below int, decay *float32, "+
		"gain *float32, last *float32)", "multiplies rows by decaying factors: see DecayRows; stride is in bytes.")
	dst, src, stride := Arg("dst"), Arg("src"), Arg("stride")
	decay, gain, at := Arg("decay"), Arg("gain"), Arg("last")
	last := m.LoadMany(columns*4/m.Bytes, Mem{Base: at})
	least, unit, below := m.float(negligible), GP64(), Arg("below")
	LEAQ(FloatTable("unit_vectors", 2*columns, func(i int) float64 {
		if i == columns-1 {
			return 1
		}
		return 0
	}).Offset(4*(columns-1)), unit)
	row := func(grow func(i int, v reg.VecVirtual)) {
		f := m.Broadcast(Mem{Base: decay})
		for i, v := range last {
			VMULPS(f, v, v)
			m.Keep(v, m.Compare(NotLess, v, least), v)
			grow(i, v)
			x := m.Vec()
			VMULPS(Mem{Base: src, Disp: i * m.Bytes}, v, x)
			VMOVUPS(x, Mem{Base: dst, Disp: i * m.Bytes})
		}
		ADDQ(stride, src)
		ADDQ(stride, dst)
	}
	Repeat("diagonal", Arg("diagonal"), func() {
		g := m.Broadcast(Mem{Base: gain})
		row(func(i int, v reg.VecVirtual) { VFMADD231PS(Mem{Base: unit, Disp: i * m.Bytes}, g, v) })
		SUBQ(U8(4), unit)
	}, By(4, decay, gain))
	TESTQ(below, below)
	JZ(LabelRef("done"))
	Repeat("below", below, func() { row(func(int, reg.VecVirtual) {}) }, By(4, decay))
	Label("done")
	for i, v := range last {
		VMOVUPS(v, Mem{Base: at, Disp: i * m.Bytes})
	}
	End()
}

func (m functions) mulRows() {
	m.Func("mulRows", "func(dst *float32, src *float32, by *float32, width int, rows int)",
		"sets dst[r] = src[r]*by for rows of so many values.")
	dst, src, by, width := Arg("dst"), Arg("src"), Arg("by"), Arg("width")
	left, stride := Copy(width), Copy(width)
	SHLQ(U8(2), stride)
	Loop("column", left, m.Floats(), func() {
		f, to, from, rows := m.Load(Mem{Base: by}), Copy(dst), Copy(src), Arg("rows")
		Repeat("row", rows, func() {
			x := m.Vec()
			VMULPS(Mem{Base: from}, f, x)
			VMOVUPS(x, Mem{Base: to})
			ADDQ(stride, from)
			ADDQ(stride, to)
		})
	}, By(m.Bytes, dst, src, by))
	End()
}

package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// onePlusExp replaces y by 1+exp(y): x over it is x*sigmoid(-y).
func (e exponential) onePlusExp(y reg.VecVirtual) {
	e.exp(y)
	VADDPS(e.one, y, y)
}

// gated emits a function that multiplies an activation of gate with up.
func (m functions) gated(name, doc string, start func(e exponential) (activate func(g reg.VecVirtual))) {
	m.Func(name, "func(gate *float32, up *float32, n int)", doc)
	gate, up := Arg("gate"), Arg("up")
	activate := start(m.exponential())
	m.replace(gate, func(g reg.VecVirtual) {
		activate(g)
		VMULPS(Mem{Base: up}, g, g)
	}, up)
}

func (m functions) silu() {
	m.gated("siluMul", "sets gate[i] = gate[i]/(1+exp(-gate[i]))*up[i].", func(e exponential) func(g reg.VecVirtual) {
		signs := m.constant(0x80000000)
		return func(g reg.VecVirtual) {
			y := m.Vec()
			Xor(y, g, signs)
			e.onePlusExp(y)
			VDIVPS(y, g, g)
		}
	})
}

func (m functions) geluTanh() {
	const a = -1.5957691216057308 // -2√(2/π)
	const doc = "sets gate[i] = g/(1+exp(-2√(2/π)*(g+0.044715g³)))*up[i] with g = gate[i]."
	m.gated("geluTanhMul", doc, func(e exponential) func(g reg.VecVirtual) {
		first, third := m.float(a), m.float(a*0.044715)
		return func(g reg.VecVirtual) {
			y := m.Vec()
			VMULPS(g, g, y)
			VMULPS(third, y, y)
			VADDPS(first, y, y)
			VMULPS(g, y, y)
			e.onePlusExp(y)
			VDIVPS(y, g, g)
		}
	})
}

// upperTail are the coefficients, highest first, of P in Φ(-t) = exp(-t²/2)*w*P(w), t >= 0, with w = 1/(1+0.35t) and
// the normal distribution function Φ. They have the smallest greatest relative error for t <= 14.5, 3.2e-8, beyond
// which Φ(-t) is 0 (found by the Remez exchange).
var upperTail = []float64{
	-0.0291578718, 0.144030853, -0.255838867, 0.159319542, -0.0232122502, 0.10555246,
	0.119821298, 0.139863514, 0.139621307,
}

func (m functions) gelu() {
	const doc = "sets gate[i] = gate[i]*Φ(gate[i])*up[i] with the normal distribution function Φ."
	m.gated("geluMul", doc, func(e exponential) func(g reg.VecVirtual) {
		signs, slope, minusHalf := m.constant(0x80000000), m.float(0.35), m.float(-0.5)
		var tail []Op
		for _, v := range upperTail {
			tail = append(tail, m.float(v))
		}
		return func(g reg.VecVirtual) {
			minus, w, y := m.Vec(), m.Load(e.one), m.Vec()
			Or(minus, g, signs) // -t
			VFNMADD231PS(slope, minus, w)
			VDIVPS(w, m.in(e.one), w)
			VMULPS(g, g, y)
			VMULPS(minusHalf, y, y)
			e.exp(y)
			p := m.polynomial(tail, w)
			VMULPS(w, p, p)
			VMULPS(y, p, p)
			rest := m.Vec()
			VSUBPS(p, m.in(e.one), rest)
			m.whereNegative(g, p, rest)
			VMULPS(rest, g, g)
		}
	})
}

// whereNegative copies the lanes of x with a sign bit from by to dst.
func (m functions) whereNegative(x, by, dst reg.VecVirtual) {
	if m.Wide() {
		negative := K()
		VPMOVD2M(x, negative)
		VMOVAPS(by, negative, dst)
	} else {
		VBLENDVPS(x, by, dst, dst)
	}
}

func (m functions) swigluOAI() {
	m.Func("swigluOAIMul", "func(gate *float32, up *float32, n int, limit float32)",
		"sets gate[i] = g/(1+exp(-1.702g))*(u+1) with g = min(gate[i], limit), u = up[i] within ±limit.")
	gate, up := Arg("gate"), Arg("up")
	limit, least := m.FloatArg("limit"), m.Vec()
	e, slope := m.exponential(), m.float(-1.702)
	Xor(least, limit, m.constant(0x80000000))
	m.replace(gate, func(g reg.VecVirtual) {
		u, y := m.Load(Mem{Base: up}), m.Vec()
		VMINPS(g, limit, g)
		VMULPS(slope, g, y)
		e.onePlusExp(y)
		VDIVPS(y, g, g)
		m.clamp(u, least, limit)
		VADDPS(e.one, u, u)
		VMULPS(u, g, g)
	}, up)
}

func (m functions) sigmoid() {
	m.Func("sigmoid", "func(x *float32, n int)", "sets x[i] = 1/(1+exp(-x[i])).")
	x, e, signs := Arg("x"), m.exponential(), m.constant(0x80000000)
	m.replace(x, func(y reg.VecVirtual) {
		Xor(y, y, signs)
		e.onePlusExp(y)
		VDIVPS(y, m.in(e.one), y)
	})
}

// softCap computes tanh(y) as (exp(2y)-1) / (exp(2y)+1), where it is not yet ±1.
func (m functions) softCap() {
	m.Func("softCap", "func(x *float32, n int, twice float32, limit float32)", "sets x[i] = limit*tanh(x[i]*twice/2).")
	x, twice, limit := Arg("x"), m.FloatArg("twice"), m.FloatArg("limit")
	e, most, least, two := m.exponential(), m.float(20), m.float(-20), m.float(2)
	m.replace(x, func(y reg.VecVirtual) {
		over := m.Vec()
		VMULPS(twice, y, y)
		m.clamp(y, least, most)
		e.expm1(y)
		VADDPS(two, y, over)
		VDIVPS(over, y, y)
		VMULPS(limit, y, y)
	})
}

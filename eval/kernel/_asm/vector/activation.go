package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

const pairOfSlices = "func(gate *float32, up *float32, n int)"

// onePlusExp replaces y by 1+exp(y): x over it is x*sigmoid(-y).
func (e exponential) onePlusExp(y reg.VecVirtual) {
	e.exp(y)
	VADDPS(e.one, y, y)
}

func (m functions) silu() {
	m.kernel("siluMul", pairOfSlices, "sets gate[i] = gate[i]/(1+exp(-gate[i]))*up[i].")
	gate, up, n := Arg("gate"), Arg("up"), Arg("n")
	e, signs := m.exponential(), m.constant(0x80000000)
	m.loop(n, func() {
		g, y := m.Load(Mem{Base: gate}), m.Vec()
		Xor(y, g, signs)
		e.onePlusExp(y)
		VDIVPS(y, g, g)
		VMULPS(Mem{Base: up}, g, g)
		VMOVUPS(g, Mem{Base: gate})
	}, gate, up)
	End()
}

func (m functions) geluTanh() {
	const a = -1.5957691216057308 // -2√(2/π)
	m.kernel("geluTanhMul", pairOfSlices, "sets gate[i] = g/(1+exp(-2√(2/π)*(g+0.044715g³)))*up[i] with g = gate[i].")
	gate, up, n := Arg("gate"), Arg("up"), Arg("n")
	e, first, third := m.exponential(), m.float(a), m.float(a*0.044715)
	m.loop(n, func() {
		g, y := m.Load(Mem{Base: gate}), m.Vec()
		VMULPS(g, g, y)
		VMULPS(third, y, y)
		VADDPS(first, y, y)
		VMULPS(g, y, y)
		e.onePlusExp(y)
		VDIVPS(y, g, g)
		VMULPS(Mem{Base: up}, g, g)
		VMOVUPS(g, Mem{Base: gate})
	}, gate, up)
	End()
}

// upperTail are the coefficients, highest first, of P in Φ(-t) = exp(-t²/2)*w*P(w), t >= 0, with w = 1/(1+0.35t) and
// the normal distribution function Φ. They have the smallest greatest relative error for t <= 14.5, 3.2e-8, beyond which
// Φ(-t) is 0 (found by the Remez exchange).
var upperTail = []float64{
	-0.0291578718, 0.144030853, -0.255838867, 0.159319542, -0.0232122502, 0.10555246,
	0.119821298, 0.139863514, 0.139621307,
}

func (m functions) gelu() {
	m.kernel("geluMul", pairOfSlices, "sets gate[i] = gate[i]*Φ(gate[i])*up[i] with the normal distribution function Φ.")
	gate, up, n := Arg("gate"), Arg("up"), Arg("n")
	e, signs := m.exponential(), m.constant(0x80000000)
	slope, minusHalf := m.float(0.35), m.float(-0.5)
	var tail []Op
	for _, v := range upperTail {
		tail = append(tail, m.float(v))
	}
	m.loop(n, func() {
		g, minus, w, y := m.Load(Mem{Base: gate}), m.Vec(), m.Load(e.one), m.Vec()
		Or(minus, g, signs) // -t
		VFNMADD231PS(slope, minus, w)
		VDIVPS(w, m.in(e.one), w)
		VMULPS(g, g, y)
		VMULPS(minusHalf, y, y)
		e.exp(y)
		p := m.Load(tail[0])
		for _, c := range tail[1:] {
			VFMADD213PS(c, w, p)
		}
		VMULPS(w, p, p)
		VMULPS(y, p, p)
		rest := m.Vec()
		VSUBPS(p, m.in(e.one), rest)
		m.whereNegative(g, p, rest)
		VMULPS(rest, g, g)
		VMULPS(Mem{Base: up}, g, g)
		VMOVUPS(g, Mem{Base: gate})
	}, gate, up)
	End()
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
	m.kernel("swigluOAIMul", "func(gate *float32, up *float32, n int, limit float32)",
		"sets gate[i] = g/(1+exp(-1.702g))*(u+1) with g = min(gate[i], limit), u = up[i] within ±limit.")
	gate, up, n := Arg("gate"), Arg("up"), Arg("n")
	limit := m.FloatArg("limit")
	e, signs, slope := m.exponential(), m.constant(0x80000000), m.float(-1.702)
	least := m.Vec()
	Xor(least, limit, signs)
	m.loop(n, func() {
		g, u, y := m.Load(Mem{Base: gate}), m.Load(Mem{Base: up}), m.Vec()
		VMINPS(g, limit, g)
		VMULPS(slope, g, y)
		e.onePlusExp(y)
		VDIVPS(y, g, g)
		m.clamp(u, least, limit)
		VADDPS(e.one, u, u)
		VMULPS(u, g, g)
		VMOVUPS(g, Mem{Base: gate})
	}, gate, up)
	End()
}

func (m functions) sigmoid() {
	m.kernel("sigmoid", "func(x *float32, n int)", "sets x[i] = 1/(1+exp(-x[i])).")
	x, n := Arg("x"), Arg("n")
	e, signs := m.exponential(), m.constant(0x80000000)
	m.loop(n, func() {
		y := m.Load(Mem{Base: x})
		Xor(y, y, signs)
		e.onePlusExp(y)
		VDIVPS(y, m.in(e.one), y)
		VMOVUPS(y, Mem{Base: x})
	}, x)
	End()
}

// softCap computes tanh(y) as (exp(2y)-1) / (exp(2y)+1), where it is not yet ±1.
func (m functions) softCap() {
	m.kernel("softCap", "func(x *float32, n int, twice float32, limit float32)", "sets x[i] = limit*tanh(x[i]*twice/2).")
	x, n := Arg("x"), Arg("n")
	twice, limit := m.FloatArg("twice"), m.FloatArg("limit")
	e, most, least, two := m.exponential(), m.float(20), m.float(-20), m.float(2)
	m.loop(n, func() {
		y, over := m.Vec(), m.Vec()
		VMULPS(Mem{Base: x}, twice, y)
		m.clamp(y, least, most)
		e.expm1(y)
		VADDPS(two, y, over)
		VDIVPS(over, y, y)
		VMULPS(limit, y, y)
		VMOVUPS(y, Mem{Base: x})
	}, x)
	End()
}

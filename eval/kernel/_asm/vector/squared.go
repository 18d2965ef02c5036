package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

func (m functions) reluSquared() {
	m.Func("reluSquaredMul", "func(gate *float32, up *float32, n int)", "sets gate[i] = max(gate[i], 0)²*up[i].")
	gate, up := Arg("gate"), Arg("up")
	zero := m.Zero()
	m.replace(gate, func(g reg.VecVirtual) {
		Max(g, zero, g) // g when it is NaN
		VMULPS(g, g, g)
		VMULPS(Mem{Base: up}, g, g)
	}, up)
}

func (m functions) xielu() {
	m.Func("xielu", "func(x *float32, n int, positive float32, negative float32, beta float32, eps float32)",
		"sets x[i] = positive*x² + beta*x with x = x[i] > 0, else negative*(exp(min(x, eps)) - 1 - x) + beta*x.")
	x := Arg("x")
	positive, negative := m.FloatArg("positive"), m.FloatArg("negative")
	beta, eps := m.FloatArg("beta"), m.FloatArg("eps")
	e, least, zero := m.exponential(), m.float(-80), m.Zero()
	m.replace(x, func(y reg.VecVirtual) {
		t, right := m.Load(y), m.Load(positive)
		VFMADD213PS(beta, y, right)
		VMULPS(y, right, right)
		m.clamp(t, least, eps)
		e.expm1(t)
		Sub(t, t, y)
		above := m.Compare(Greater, y, zero)
		VMULPS(beta, y, y)
		VFMADD231PS(negative, t, y)
		m.Choose(y, above, right, y)
	})
}

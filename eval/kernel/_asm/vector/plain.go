package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

func (m isa) maximum() {
	m.kernel("Max", "func(x *float32, n int) float32", "returns the largest x[i]; NaNs do not count.")
	x, n := machine.Arg("x"), machine.Arg("n")
	top := m.load(x)
	m.loop(n, func() {
		VMAXPS(top, m.load(x), top) // top when the other is NaN
	}, x)
	a := XMM()
	VEXTRACTF128(U8(1), top, a)
	b := top.AsX()
	VMAXPS(a, b, a)
	c := XMM()
	VPERMILPS(U8(0x4e), a, c)
	VMAXPS(c, a, a)
	VPERMILPS(U8(0xb1), a, c)
	VMAXSS(c, a, a)
	Store(a, ReturnIndex(0))
	ret()
}

func (m isa) scale() {
	m.kernel("Scale", "func(x *float32, n int, factor float32)", "sets x[i] *= factor.")
	x, n := machine.Arg("x"), machine.Arg("n")
	factor := m.broadcast("factor")
	m.loop(n, func() {
		y := m.vec()
		VMULPS(Mem{Base: x}, factor, y)
		VMOVUPS(y, Mem{Base: x})
	}, x)
	ret()
}

func (m isa) sum() {
	m.kernel("Sum", "func(x *float32, n int) float64", "returns the sum of x[i].")
	x, n := machine.Arg("x"), machine.Arg("n")
	acc := m.accumulators()
	m.loop(n, func() {
		for i, d := range m.doubles(m.load(x)) {
			VADDPD(d, acc[i], acc[i])
		}
	}, x)
	m.returnSum(acc)
}

func (m isa) sumOfSquares() {
	m.kernel("Squares", "func(x *float32, n int) float64", "returns the sum of x[i]*x[i].")
	x, n := machine.Arg("x"), machine.Arg("n")
	acc := m.accumulators()
	m.loop(n, func() {
		for i, d := range m.doubles(m.load(x)) {
			VFMADD231PD(d, d, acc[i])
		}
	}, x)
	m.returnSum(acc)
}

func (m isa) shift() {
	m.kernel("Shift", "func(dst *float32, x *float32, n int, by float64)", "sets dst[i] = x[i]-by.")
	dst, x, n := machine.Arg("dst"), machine.Arg("x"), machine.Arg("n")
	by := m.broadcastDouble("by")
	m.loop(n, func() {
		d := m.doubles(m.load(x))
		for _, v := range d {
			VSUBPD(by, v, v)
		}
		VMOVUPS(m.singles(d), Mem{Base: dst})
	}, dst, x)
	ret()
}

func (m isa) norm() {
	m.kernel("Norm", "func(dst *float32, x *float32, gain *float32, n int, scale float32)",
		"sets dst[i] = x[i]*scale*gain[i].")
	dst, x, gain, n := machine.Arg("dst"), machine.Arg("x"), machine.Arg("gain"), machine.Arg("n")
	factor := m.broadcast("scale")
	m.loop(n, func() {
		y := m.vec()
		VMULPS(Mem{Base: x}, factor, y)
		VMULPS(Mem{Base: gain}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x, gain)
	ret()
}

func (m isa) add() {
	m.kernel("Add", "func(dst *float32, x *float32, n int)", "sets dst[i] += x[i].")
	m.addChanged(func(x reg.VecVirtual) {})
}

func (m isa) addSquares() {
	m.kernel("AddSquares", "func(dst *float32, x *float32, n int)", "sets dst[i] += x[i]*x[i].")
	m.addChanged(func(x reg.VecVirtual) { VMULPS(x, x, x) })
}

func (m isa) addScaled() {
	m.kernel("AddScaled", "func(dst *float32, x *float32, n int, factor float32)", "sets dst[i] += factor*x[i].")
	factor := m.broadcast("factor")
	m.addChanged(func(x reg.VecVirtual) { VMULPS(factor, x, x) })
}

func (m isa) addChanged(change func(reg.VecVirtual)) {
	dst, x, n := machine.Arg("dst"), machine.Arg("x"), machine.Arg("n")
	m.loop(n, func() {
		y := m.load(x)
		change(y)
		VADDPS(Mem{Base: dst}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x)
	ret()
}

package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

func (m functions) maximum() {
	m.kernel("max", "func(x *float32, n int) float32", "returns the largest x[i]; NaNs do not count.")
	x, n := Arg("x"), Arg("n")
	top := m.Load(Mem{Base: x})
	m.loop(n, func() {
		VMAXPS(top, m.Load(Mem{Base: x}), top) // top when the other is NaN
	}, x)
	Store(Fold(top, VMAXPS), ReturnIndex(0))
	End()
}

func (m functions) scale() {
	m.kernel("scale", "func(x *float32, n int, factor float32)", "sets x[i] *= factor.")
	x, n := Arg("x"), Arg("n")
	factor := m.FloatArg("factor")
	m.loop(n, func() {
		y := m.Vec()
		VMULPS(Mem{Base: x}, factor, y)
		VMOVUPS(y, Mem{Base: x})
	}, x)
	End()
}

func (m functions) sum() {
	m.kernel("sum", "func(x *float32, n int) float64", "returns the sum of x[i].")
	x, n := Arg("x"), Arg("n")
	acc := m.Zeros(2)
	m.loop(n, func() {
		for i, d := range m.doubles(m.Load(Mem{Base: x})) {
			VADDPD(d, acc[i], acc[i])
		}
	}, x)
	m.returnSum(acc)
}

func (m functions) sumOfSquares() {
	m.kernel("squares", "func(x *float32, n int) float64", "returns the sum of x[i]*x[i].")
	x, n := Arg("x"), Arg("n")
	acc := m.Zeros(2)
	m.loop(n, func() {
		for i, d := range m.doubles(m.Load(Mem{Base: x})) {
			VFMADD231PD(d, d, acc[i])
		}
	}, x)
	m.returnSum(acc)
}

func (m functions) shift() {
	m.kernel("shift", "func(dst *float32, x *float32, n int, by float64)", "sets dst[i] = x[i]-by.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	by := m.DoubleArg("by")
	m.loop(n, func() {
		d := m.doubles(m.Load(Mem{Base: x}))
		for _, v := range d {
			VSUBPD(by, v, v)
		}
		VMOVUPS(m.singles(d), Mem{Base: dst})
	}, dst, x)
	End()
}

func (m functions) norm() {
	m.kernel("norm", "func(dst *float32, x *float32, gain *float32, n int, scale float32)",
		"sets dst[i] = x[i]*scale*gain[i].")
	dst, x, gain, n := Arg("dst"), Arg("x"), Arg("gain"), Arg("n")
	factor := m.FloatArg("scale")
	m.loop(n, func() {
		y := m.Vec()
		VMULPS(Mem{Base: x}, factor, y)
		VMULPS(Mem{Base: gain}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x, gain)
	End()
}

func (m functions) add() {
	m.kernel("add", "func(dst *float32, x *float32, n int)", "sets dst[i] += x[i].")
	m.addChanged(func(x reg.VecVirtual) {})
}

func (m functions) addSquares() {
	m.kernel("addSquares", "func(dst *float32, x *float32, n int)", "sets dst[i] += x[i]*x[i].")
	m.addChanged(func(x reg.VecVirtual) { VMULPS(x, x, x) })
}

func (m functions) addScaled() {
	m.kernel("addScaled", "func(dst *float32, x *float32, n int, factor float32)", "sets dst[i] += factor*x[i].")
	factor := m.FloatArg("factor")
	m.addChanged(func(x reg.VecVirtual) { VMULPS(factor, x, x) })
}

func (m functions) addChanged(change func(reg.VecVirtual)) {
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	m.loop(n, func() {
		y := m.Load(Mem{Base: x})
		change(y)
		VADDPS(Mem{Base: dst}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x)
	End()
}

package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

func (m functions) maximum() {
	m.Func("max", "func(x *float32, n int) float32", "returns the largest x[i]; NaNs do not count.")
	x := Arg("x")
	top := m.Load(Mem{Base: x})
	m.loop(func() {
		VMAXPS(top, m.Load(Mem{Base: x}), top) // top when the other is NaN
	}, x)
	Store(Fold(top, VMAXPS), ReturnIndex(0))
	End()
}

func (m functions) scale() {
	m.Func("scale", "func(x *float32, n int, factor float32)", "sets x[i] *= factor.")
	x, factor := Arg("x"), m.FloatArg("factor")
	m.replace(x, func(y reg.VecVirtual) { VMULPS(factor, y, y) })
}

func (m functions) sum() {
	m.summed("sum", "returns the sum of x[i].", func(d, acc reg.VecVirtual) { VADDPD(d, acc, acc) })
}

func (m functions) sumOfSquares() {
	m.summed("squares", "returns the sum of x[i]*x[i].", func(d, acc reg.VecVirtual) { VFMADD231PD(d, d, acc) })
}

func (m functions) summed(name, doc string, add func(d, acc reg.VecVirtual)) {
	m.Func(name, "func(x *float32, n int) float64", doc)
	x, acc := Arg("x"), m.Zeros(2)
	m.loop(func() {
		for i, d := range m.doubles(m.Load(Mem{Base: x})) {
			add(d, acc[i])
		}
	}, x)
	m.returnSum(acc)
}

func (m functions) shift() {
	m.Func("shift", "func(dst *float32, x *float32, n int, by float64)", "sets dst[i] = x[i]-by.")
	dst, x := Arg("dst"), Arg("x")
	by := m.DoubleArg("by")
	m.loop(func() {
		d := m.doubles(m.Load(Mem{Base: x}))
		for _, v := range d {
			VSUBPD(by, v, v)
		}
		VMOVUPS(m.singles(d), Mem{Base: dst})
	}, dst, x)
	End()
}

func (m functions) norm() {
	m.Func("norm", "func(dst *float32, x *float32, gain *float32, n int, scale float32)",
		"sets dst[i] = x[i]*scale*gain[i].")
	dst, x, gain := Arg("dst"), Arg("x"), Arg("gain")
	factor := m.FloatArg("scale")
	m.loop(func() {
		y := m.Vec()
		VMULPS(Mem{Base: x}, factor, y)
		VMULPS(Mem{Base: gain}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x, gain)
	End()
}

func (m functions) add() {
	m.Func("add", "func(dst *float32, x *float32, n int)", "sets dst[i] += x[i].")
	m.addChanged(func(x reg.VecVirtual) {})
}

func (m functions) addSquares() {
	m.Func("addSquares", "func(dst *float32, x *float32, n int)", "sets dst[i] += x[i]*x[i].")
	m.addChanged(func(x reg.VecVirtual) { VMULPS(x, x, x) })
}

func (m functions) addScaled() {
	m.Func("addScaled", "func(dst *float32, x *float32, n int, factor float32)", "sets dst[i] += factor*x[i].")
	factor := m.FloatArg("factor")
	m.addChanged(func(x reg.VecVirtual) { VMULPS(factor, x, x) })
}

func (m functions) mul() {
	m.Func("mul", "func(dst *float32, x *float32, n int)", "sets dst[i] *= x[i].")
	dst, x := Arg("dst"), Arg("x")
	m.replace(dst, func(y reg.VecVirtual) { VMULPS(Mem{Base: x}, y, y) }, x)
}

func (m functions) addProduct() {
	m.Func("addProduct", "func(dst *float32, x *float32, y *float32, n int)", "sets dst[i] += x[i]*y[i].")
	dst, x, y := Arg("dst"), Arg("x"), Arg("y")
	m.loop(func() {
		v := m.Load(Mem{Base: x})
		VMULPS(Mem{Base: y}, v, v)
		VADDPS(Mem{Base: dst}, v, v)
		VMOVUPS(v, Mem{Base: dst})
	}, dst, x, y)
	End()
}

func (m functions) addChanged(change func(reg.VecVirtual)) {
	dst, x := Arg("dst"), Arg("x")
	m.loop(func() {
		y := m.Load(Mem{Base: x})
		change(y)
		VADDPS(Mem{Base: dst}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x)
	End()
}

package vector

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

func (m functions) rotateHalves() {
	m.Func("rotate", "func(a *float32, b *float32, cos *float32, sin *float32, n int)",
		"sets a[i], b[i] = a[i]*cos[i] - b[i]*sin[i], a[i]*sin[i] + b[i]*cos[i].")
	a, b, cos, sin := Arg("a"), Arg("b"), Arg("cos"), Arg("sin")
	m.loop(func() {
		x, y, c, s := m.Load(Mem{Base: a}), m.Load(Mem{Base: b}), m.Load(Mem{Base: cos}), m.Load(Mem{Base: sin})
		first, second, t := m.Vec(), m.Vec(), m.Vec()
		VMULPS(c, x, first)
		VMULPS(s, y, t)
		VSUBPS(t, first, first)
		VMULPS(s, x, second)
		VMULPS(c, y, t)
		VADDPS(t, second, second)
		VMOVUPS(first, Mem{Base: a})
		VMOVUPS(second, Mem{Base: b})
	}, a, b, cos, sin)
	End()
}

func (m functions) rotatePairs() {
	m.Func("rotatePairs", "func(x *float32, cos *float32, sin *float32, n int)",
		"rotates pairs (x[2i], x[2i+1]) by the angle of cos[i], sin[i].")
	x, cos, sin := Arg("x"), Arg("cos"), Arg("sin")
	// double loads eight values and repeats each: four pairs, then four more.
	double := func(p reg.GPVirtual) [2]reg.VecVirtual {
		y, l, h := m.Load(Mem{Base: p}), YMM(), YMM()
		VUNPCKLPS(y, y, l) // 0 0 1 1 | 4 4 5 5
		VUNPCKHPS(y, y, h) // 2 2 3 3 | 6 6 7 7
		first, second := YMM(), YMM()
		VPERM2F128(U8(0x20), h, l, first)
		VPERM2F128(U8(0x31), h, l, second)
		return [2]reg.VecVirtual{first, second}
	}
	m.loop(func() {
		c, s := double(cos), double(sin)
		for i := range 2 {
			v, swapped := YMM(), YMM()
			VMOVUPS(Mem{Base: x, Disp: 32 * i}, v)
			VPERMILPS(U8(0xb1), v, swapped)
			VMULPS(c[i], v, v)
			VMULPS(s[i], swapped, swapped)
			VADDSUBPS(swapped, v, v)
			VMOVUPS(v, Mem{Base: x, Disp: 32 * i})
		}
		ADDQ(Imm(64), x)
	}, cos, sin)
	End()
}

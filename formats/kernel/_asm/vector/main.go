// Command vector generates the AVX2 vector functions. Lengths are multiples of 8 and not zero; the Go callers do the
// rest of a slice in plain Go.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/formats/kernel/asm/lanes"
)

// The exponential: x = n*log(2) + r with |r| <= log(2)/2, exp(x) = 2^n * (1 + r + r^2*p(r)), p of degree 4 with the
// smallest greatest relative error of the whole (3.1e-9, found by the Remez exchange). log(2) is split in two so that
// n*high is exact; 2^n is applied as two factors, so that results below 2^-126 round once and those above the largest
// number become +Inf.
var (
	low     = float("expLow", -104) // exp rounds to 0
	high    = float("expHigh", 89)  // exp is +Inf
	log2e   = float("log2e", math.Log2E)
	ln2High = float("ln2High", 0.693359375)
	ln2Low  = float("ln2Low", math.Ln2-0.693359375)
	one     = float("one", 1)
	signs   = bits("signs", 0x80000000)
	bias    = bits("bias", 127)
	poly    = []Mem{
		float("exp6", 0.0013814598567922628), float("exp5", 0.008368716878493023), float("exp4", 0.04166838804689845),
		float("exp3", 0.16666520631723022), float("exp2", 0.4999999344778866),
	}
)

func bits(name string, v uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(v))
	}
	return m
}

func float(name string, v float64) Mem { return bits(name, math.Float32bits(float32(v))) }

func main() {
	lanes.Header()
	maximum()
	expSum("vectorExpSum", "vectorExpSum sets x[i] = exp(scale*x[i] - top) and returns the sum.", true)
	expSum("vectorSumExp", "vectorSumExp returns the sum of exp(scale*x[i] - top).", false)
	scale()
	sumOfSquares()
	norm()
	silu()
	pairwise("vectorAdd", "vectorAdd sets dst[i] += x[i].", func(x reg.VecVirtual) {})
	pairwise("vectorAddSquares", "vectorAddSquares sets dst[i] += x[i]*x[i].", func(x reg.VecVirtual) { VMULPS(x, x, x) })
	divergence()
	rotateHalves()
	rotatePairs()
	Generate()
}

// exp replaces x by its exponential.
func exp(x reg.VecVirtual) {
	c, n := YMM(), YMM()
	VMOVUPS(low, c)
	VMAXPS(x, c, x) // the second operand, x, when it is NaN
	VMOVUPS(high, c)
	VMINPS(x, c, x)
	VMULPS(log2e, x, n)
	VROUNDPS(U8(8), n, n)
	VFNMADD231PS(ln2High, n, x)
	VFNMADD231PS(ln2Low, n, x)
	p, square := YMM(), YMM()
	VMOVUPS(poly[0], p)
	for _, m := range poly[1:] {
		VFMADD213PS(m, x, p)
	}
	VMULPS(x, x, square)
	VFMADD213PS(x, square, p)
	VADDPS(one, p, p)
	half := YMM()
	VCVTPS2DQ(n, n)
	VPSRAD(U8(1), n, half)
	VPSUBD(half, n, n)
	for _, e := range []reg.VecVirtual{half, n} {
		VPADDD(bias, e, e)
		VPSLLD(U8(23), e, e)
		VMULPS(e, p, p)
	}
	VMOVAPS(p, x)
}

// each emits a loop over n values, eight at a time, with the pointers moving along.
func each(name string, n reg.GPVirtual, body func(), pointers ...reg.GPVirtual) {
	Label(name)
	body()
	for _, p := range pointers {
		ADDQ(Imm(32), p)
	}
	SUBQ(Imm(8), n)
	JNZ(LabelRef(name))
}

func broadcast(param string) reg.VecVirtual {
	x, y := XMM(), YMM()
	Load(Param(param), x)
	VBROADCASTSS(x, y)
	return y
}

func broadcastDouble(param string) reg.VecVirtual {
	x, y := XMM(), YMM()
	Load(Param(param), x)
	VBROADCASTSD(x, y)
	return y
}

// halves widens eight float32 to two vectors of float64.
func halves(x reg.VecVirtual) [2]reg.VecVirtual {
	h := [2]reg.VecVirtual{YMM(), YMM()}
	top := XMM()
	VEXTRACTF128(U8(1), x, top)
	VCVTPS2PD(x.AsX(), h[0])
	VCVTPS2PD(top, h[1])
	return h
}

func doubles() [2]reg.VecVirtual {
	acc := [2]reg.VecVirtual{YMM(), YMM()}
	VXORPD(acc[0], acc[0], acc[0])
	VXORPD(acc[1], acc[1], acc[1])
	return acc
}

// returnSum adds up eight float64 lanes and returns.
func returnSum(acc [2]reg.VecVirtual) {
	VADDPD(acc[1], acc[0], acc[0])
	x := XMM()
	VEXTRACTF128(U8(1), acc[0], x)
	VADDPD(x, acc[0].AsX(), x)
	VHADDPD(x, x, x)
	Store(x, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func maximum() {
	lanes.Kernel("vectorMax", "func(x *float32, n int) float32", "vectorMax returns the largest x[i]; NaNs do not count.")
	x, n := lanes.Arg("x"), lanes.Arg("n")
	top := YMM()
	VMOVUPS(Mem{Base: x}, top)
	each("max", n, func() {
		y := YMM()
		VMOVUPS(Mem{Base: x}, y)
		VMAXPS(top, y, top) // top when y is NaN
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
	VZEROUPPER()
	RET()
}

func expSum(name, doc string, store bool) {
	lanes.Kernel(name, "func(x *float32, n int, scale float32, top float32) float64", doc)
	x, n := lanes.Arg("x"), lanes.Arg("n")
	factor, top := broadcast("scale"), broadcast("top")
	acc := doubles()
	each(name, n, func() {
		y := YMM()
		VMULPS(Mem{Base: x}, factor, y)
		VSUBPS(top, y, y)
		exp(y)
		if store {
			VMOVUPS(y, Mem{Base: x})
		}
		for i, h := range halves(y) {
			VADDPD(h, acc[i], acc[i])
		}
	}, x)
	returnSum(acc)
}

func scale() {
	lanes.Kernel("vectorScale", "func(x *float32, n int, factor float32)", "vectorScale sets x[i] *= factor.")
	x, n := lanes.Arg("x"), lanes.Arg("n")
	factor := broadcast("factor")
	each("scale", n, func() {
		y := YMM()
		VMULPS(Mem{Base: x}, factor, y)
		VMOVUPS(y, Mem{Base: x})
	}, x)
	VZEROUPPER()
	RET()
}

func sumOfSquares() {
	lanes.Kernel("vectorSquares", "func(x *float32, n int) float64", "vectorSquares returns the sum of x[i]*x[i].")
	x, n := lanes.Arg("x"), lanes.Arg("n")
	acc := doubles()
	each("squares", n, func() {
		y := YMM()
		VMOVUPS(Mem{Base: x}, y)
		for i, h := range halves(y) {
			VFMADD231PD(h, h, acc[i])
		}
	}, x)
	returnSum(acc)
}

func norm() {
	lanes.Kernel("vectorNorm", "func(dst *float32, x *float32, gain *float32, n int, scale float32)",
		"vectorNorm sets dst[i] = x[i]*scale*gain[i].")
	dst, x, gain, n := lanes.Arg("dst"), lanes.Arg("x"), lanes.Arg("gain"), lanes.Arg("n")
	factor := broadcast("scale")
	each("norm", n, func() {
		y := YMM()
		VMULPS(Mem{Base: x}, factor, y)
		VMULPS(Mem{Base: gain}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x, gain)
	VZEROUPPER()
	RET()
}

func silu() {
	lanes.Kernel("vectorSiLUMul", "func(gate *float32, up *float32, n int)", "vectorSiLUMul sets gate[i] = gate[i]/(1+exp(-gate[i]))*up[i].")
	gate, up, n := lanes.Arg("gate"), lanes.Arg("up"), lanes.Arg("n")
	each("silu", n, func() {
		g, y := YMM(), YMM()
		VMOVUPS(Mem{Base: gate}, g)
		VXORPS(signs, g, y)
		exp(y)
		VADDPS(one, y, y)
		VDIVPS(y, g, g)
		VMULPS(Mem{Base: up}, g, g)
		VMOVUPS(g, Mem{Base: gate})
	}, gate, up)
	VZEROUPPER()
	RET()
}

func pairwise(name, doc string, change func(reg.VecVirtual)) {
	lanes.Kernel(name, "func(dst *float32, x *float32, n int)", doc)
	dst, x, n := lanes.Arg("dst"), lanes.Arg("x"), lanes.Arg("n")
	each(name, n, func() {
		y := YMM()
		VMOVUPS(Mem{Base: x}, y)
		change(y)
		VADDPS(Mem{Base: dst}, y, y)
		VMOVUPS(y, Mem{Base: dst})
	}, dst, x)
	VZEROUPPER()
	RET()
}

func divergence() {
	lanes.Kernel("vectorDivergence", "func(p *float32, q *float32, n int, lseP float64, delta float64) float64",
		"vectorDivergence returns the sum of w*(p[i] - q[i] - delta), w = exp(p[i]-lseP), over the terms with w > 0.")
	p, q, n := lanes.Arg("p"), lanes.Arg("q"), lanes.Arg("n")
	lse, delta := broadcastDouble("lseP"), broadcastDouble("delta")
	acc, zero := doubles(), YMM()
	VXORPD(zero, zero, zero)
	each("divergence", n, func() {
		x, y, w, top := YMM(), YMM(), YMM(), XMM()
		VMOVUPS(Mem{Base: p}, x)
		VMOVUPS(Mem{Base: q}, y)
		ps, qs := halves(x), halves(y)
		l := lanes.Vectors(2)
		for i := range l {
			VSUBPD(lse, ps[i], l[i])
		}
		VCVTPD2PSY(l[0], w.AsX())
		VCVTPD2PSY(l[1], top)
		VINSERTF128(U8(1), top, w, w)
		exp(w)
		for i, h := range halves(w) {
			present := YMM()
			VSUBPD(qs[i], ps[i], ps[i])
			VSUBPD(delta, ps[i], ps[i])
			VCMPPD(U8(4), zero, h, present) // not equal
			VANDPD(present, ps[i], ps[i])
			VFMADD231PD(ps[i], h, acc[i])
		}
	}, p, q)
	returnSum(acc)
}

func rotateHalves() {
	lanes.Kernel("vectorRotate", "func(a *float32, b *float32, cos *float32, sin *float32, n int)",
		"vectorRotate sets a[i], b[i] = a[i]*cos[i] - b[i]*sin[i], a[i]*sin[i] + b[i]*cos[i].")
	a, b, cos, sin, n := lanes.Arg("a"), lanes.Arg("b"), lanes.Arg("cos"), lanes.Arg("sin"), lanes.Arg("n")
	each("rotate", n, func() {
		x, y, c, s := YMM(), YMM(), YMM(), YMM()
		VMOVUPS(Mem{Base: a}, x)
		VMOVUPS(Mem{Base: b}, y)
		VMOVUPS(Mem{Base: cos}, c)
		VMOVUPS(Mem{Base: sin}, s)
		first, second, t := YMM(), YMM(), YMM()
		VMULPS(c, x, first)
		VMULPS(s, y, t)
		VSUBPS(t, first, first)
		VMULPS(s, x, second)
		VMULPS(c, y, t)
		VADDPS(t, second, second)
		VMOVUPS(first, Mem{Base: a})
		VMOVUPS(second, Mem{Base: b})
	}, a, b, cos, sin)
	VZEROUPPER()
	RET()
}

func rotatePairs() {
	lanes.Kernel("vectorRotatePairs", "func(x *float32, cos *float32, sin *float32, n int)",
		"vectorRotatePairs rotates pairs (x[2i], x[2i+1]) by the angle of cos[i], sin[i].")
	x, cos, sin, n := lanes.Arg("x"), lanes.Arg("cos"), lanes.Arg("sin"), lanes.Arg("n")
	// double loads eight values and repeats each: four pairs, then four more.
	double := func(p reg.GPVirtual) [2]reg.VecVirtual {
		y, l, h := YMM(), YMM(), YMM()
		VMOVUPS(Mem{Base: p}, y)
		VUNPCKLPS(y, y, l) // 0 0 1 1 | 4 4 5 5
		VUNPCKHPS(y, y, h) // 2 2 3 3 | 6 6 7 7
		first, second := YMM(), YMM()
		VPERM2F128(U8(0x20), h, l, first)
		VPERM2F128(U8(0x31), h, l, second)
		return [2]reg.VecVirtual{first, second}
	}
	each("pairs", n, func() {
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
	VZEROUPPER()
	RET()
}

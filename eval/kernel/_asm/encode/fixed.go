package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

type fixed struct{ Machine }

// Fixed generates what the types with a fixed step (MXFP4, NVFP4, Q1_0, Q2_0, TQ1_0, TQ2_0) need: magnitudes, signs and
// levels of rows of values. Vectors of eight are fast enough here on every machine.
func Fixed(m Machine) {
	g := fixed{m}
	g.absMax()
	g.signs()
	g.roundHalfAway()
	g.float4()
}

// runs emits a loop over count runs of n values; start comes before each run, body works on 16 values, end comes after.
func (g fixed) runs(count, n, x reg.GPVirtual, start func(), body func(v [2]reg.VecVirtual), end func()) {
	Repeat("run", count, func() {
		left := Copy(n)
		start()
		Loop("values", left, 16, func() {
			body([2]reg.VecVirtual{g.Load(Mem{Base: x}), g.Load(Mem{Base: x, Disp: 32})})
		}, By(64, x))
		end()
	})
	End()
}

// absMax compares magnitudes as integers: Inf is 0x7f800000, and NaN more.
func (g fixed) absMax() {
	g.Func("absMax", "func(dst *uint32, x *float32, count, n int)",
		"finds the largest of the bits of |x[i]| in each of count runs of n values, a multiple of 16.")
	dst, x, count, n := Arg("dst"), Arg("x"), Arg("count"), Arg("n")
	mask, most := g.Load(signless()), g.Vectors(2)
	g.runs(count, n, x, func() {
		Clear(most[0])
		Clear(most[1])
	}, func(v [2]reg.VecVirtual) {
		for i, v := range v {
			VPAND(mask, v, v)
			VPMAXUD(v, most[i], most[i])
		}
	}, func() {
		VPMAXUD(most[1], most[0], most[0])
		VMOVD(Fold(most[0], VPMAXUD), Mem{Base: dst})
		ADDQ(Imm(4), dst)
	})
}

// signs writes a bit per value.
func (g fixed) signs() {
	g.Func("signs", "func(dst *byte, x *float32, n int)", "sets bit i where x[i] >= 0, for n values, a multiple of 16.")
	dst, x, n := Arg("dst"), Arg("x"), Arg("n")
	one, none, bits := GP64(), g.Zero(), [2]reg.GPVirtual{GP32(), GP32()}
	MOVQ(U32(1), one)
	g.runs(one, n, x, func() {}, func(v [2]reg.VecVirtual) {
		for i, v := range v {
			VCMPPS(U8(29), none, v, v) // >=, false with NaN
			VMOVMSKPS(v, bits[i])
		}
		SHLL(Imm(8), bits[1])
		ORL(bits[1], bits[0])
		MOVW(bits[0].As16(), Mem{Base: dst})
		ADDQ(Imm(2), dst)
	}, func() {})
}

// bytes writes the low bytes of dwords between 0 and 255.
func (g fixed) bytes(q reg.GPVirtual, v [2]reg.VecVirtual) {
	VPACKSSDW(v[1], v[0], v[0])
	VPACKUSWB(v[0], v[0], v[0]) // dwords: 0 2 0 2, 1 3 1 3
	high := XMM()
	VEXTRACTI128(U8(1), v[0], high)
	VPUNPCKLDQ(high, v[0].AsX(), high)
	VMOVDQU(high, Mem{Base: q})
	ADDQ(Imm(16), q)
}

// roundHalfAway writes levels from 0 up.
func (g fixed) roundHalfAway() {
	g.Func("roundHalfAway", "func(q *byte, x, inverse *float32, count, n int, top int)",
		"sets q = clamp(roundHalfAway(x * inverse) + 1, 0, top) for count runs of n values, a multiple of 16, "+
			"each with its inverse step.")
	q, x, scale, count, n := Arg("q"), Arg("x"), Arg("inverse"), Arg("count"), Arg("n")
	inverse, most, least, none := g.Vec(), g.IntArg("top"), g.Vec(), g.Zero()
	VPCMPEQD(least, least, least)
	g.runs(count, n, x, func() { VBROADCASTSS(Mem{Base: scale}, inverse) }, func(v [2]reg.VecVirtual) {
		t := g.Vec()
		for _, v := range v {
			Mul(v, v, inverse)
			And(t, v, sign())
			Or(t, t, belowHalf())
			Add(v, v, t)
			VCVTTPS2DQ(v, v)
			VPSUBD(least, v, v)
			VPMAXSD(none, v, v)
			VPMINSD(most, v, v)
		}
		g.bytes(q, v)
	}, func() { ADDQ(Imm(4), scale) })
}

// float4 counts how many of the middles between magnitudes lie below a value.
func (g fixed) float4() {
	middles := []float64{0.5, 1.5, 2.5, 3.5, 5, 7, 10}
	g.Func("float4", "func(q *byte, x, d *float32, count, n int)",
		"sets q = nearestFloat4(x, d) for count runs of n values, a multiple of 16, each with its scale, none beyond 16*d.")
	q, x, scale, count, n := Arg("q"), Arg("x"), Arg("d"), Arg("count"), Arg("n")
	at := g.Vectors(len(middles))
	g.runs(count, n, x, func() {
		d := g.Broadcast(Mem{Base: scale})
		for i := range at {
			Mul(at[i], d, Float(middles[i]))
		}
	}, func(v [2]reg.VecVirtual) {
		for i, x := range v {
			magnitude, level, t := g.Vec(), g.Zero(), g.Vec()
			And(magnitude, x, signless())
			for _, m := range at {
				VPCMPGTD(m, magnitude, t)
				VPSUBD(t, level, level)
			}
			VPXOR(t, t, t)
			VPCMPGTD(t, level, t)
			VPSRLD(U8(28), x, x)
			VPAND(Bits(8), x, x)
			VPAND(t, x, x)
			VPOR(x, level, v[i])
		}
		g.bytes(q, v)
	}, func() { ADDQ(Imm(4), scale) })
}

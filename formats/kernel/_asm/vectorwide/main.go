// Command vectorwide generates the AVX-512 vector functions, where they gain: those with an exponential. Lengths are
// multiples of 16 and not zero; the Go callers do the rest of a slice in plain Go.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/formats/kernel/asm/lanes"
)

// The exponential is that of the AVX2 functions (_asm/vector), with 2^n applied by one instruction that rounds once.
var (
	low     = float("expLow", -104) // exp rounds to 0
	high    = float("expHigh", 89)  // exp is +Inf
	log2e   = float("log2e", math.Log2E)
	ln2High = float("ln2High", 0.693359375)
	ln2Low  = float("ln2Low", math.Ln2-0.693359375)
	one     = float("one", 1)
	signs   = bits("signs", 0x80000000)
	poly    = []Mem{
		float("exp6", 0.0013814598567922628), float("exp5", 0.008368716878493023), float("exp4", 0.04166838804689845),
		float("exp3", 0.16666520631723022), float("exp2", 0.4999999344778866),
	}
)

func bits(name string, v uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	DATA(0, U32(v))
	return m
}

func float(name string, v float64) Mem { return bits(name, math.Float32bits(float32(v))) }

func main() {
	lanes.Header()
	expSum("wideExpSum", "wideExpSum sets x[i] = exp(scale*x[i] - top) and returns the sum.", true)
	expSum("wideSumExp", "wideSumExp returns the sum of exp(scale*x[i] - top).", false)
	silu()
	divergence()
	Generate()
}

// constants are the exponential's, in registers.
type constants struct {
	low, high, log2e, ln2High, ln2Low, one reg.VecVirtual
	poly                                   []reg.VecVirtual
}

func spread(m Mem) reg.VecVirtual {
	v := ZMM()
	VBROADCASTSS(m, v)
	return v
}

func load() constants {
	c := constants{spread(low), spread(high), spread(log2e), spread(ln2High), spread(ln2Low), spread(one), nil}
	for _, m := range poly {
		c.poly = append(c.poly, spread(m))
	}
	return c
}

// exp replaces x by its exponential.
func (c constants) exp(x reg.VecVirtual) {
	n, p, square := ZMM(), ZMM(), ZMM()
	VMAXPS(x, c.low, x) // the second operand, x, when it is NaN
	VMINPS(x, c.high, x)
	VMULPS(c.log2e, x, n)
	VRNDSCALEPS(U8(8), n, n)
	VFNMADD231PS(c.ln2High, n, x)
	VFNMADD231PS(c.ln2Low, n, x)
	VMOVAPS(c.poly[0], p)
	for _, m := range c.poly[1:] {
		VFMADD213PS(m, x, p)
	}
	VMULPS(x, x, square)
	VFMADD213PS(x, square, p)
	VADDPS(c.one, p, p)
	VSCALEFPS(n, p, x)
}

// each emits a loop over n values, sixteen at a time, with the pointers moving along.
func each(name string, n reg.GPVirtual, body func(), pointers ...reg.GPVirtual) {
	Label(name + "_loop")
	body()
	for _, p := range pointers {
		ADDQ(Imm(64), p)
	}
	SUBQ(Imm(16), n)
	JNZ(LabelRef(name + "_loop"))
}

func broadcast(param string) reg.VecVirtual {
	x, y := XMM(), ZMM()
	Load(Param(param), x)
	VBROADCASTSS(x, y)
	return y
}

func broadcastDouble(param string) reg.VecVirtual {
	x, y := XMM(), ZMM()
	Load(Param(param), x)
	VBROADCASTSD(x, y)
	return y
}

// halves widens sixteen float32 to two vectors of float64.
func halves(x reg.VecVirtual) [2]reg.VecVirtual {
	h := [2]reg.VecVirtual{ZMM(), ZMM()}
	top := YMM()
	VEXTRACTF64X4(U8(1), x, top)
	VCVTPS2PD(x.AsY(), h[0])
	VCVTPS2PD(top, h[1])
	return h
}

func doubles() [2]reg.VecVirtual {
	acc := [2]reg.VecVirtual{ZMM(), ZMM()}
	VXORPD(acc[0], acc[0], acc[0])
	VXORPD(acc[1], acc[1], acc[1])
	return acc
}

// returnSum adds up sixteen float64 lanes and returns.
func returnSum(acc [2]reg.VecVirtual) {
	VADDPD(acc[1], acc[0], acc[0])
	y, x := YMM(), XMM()
	VEXTRACTF64X4(U8(1), acc[0], y)
	VADDPD(acc[0].AsY(), y, y)
	VEXTRACTF128(U8(1), y, x)
	VADDPD(x, y.AsX(), x)
	VHADDPD(x, x, x)
	Store(x, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func expSum(name, doc string, store bool) {
	lanes.Kernel(name, "func(x *float32, n int, scale float32, top float32) float64", doc)
	x, n := lanes.Arg("x"), lanes.Arg("n")
	factor, top := broadcast("scale"), broadcast("top")
	acc, c := doubles(), load()
	each(name, n, func() {
		y := ZMM()
		VMULPS(Mem{Base: x}, factor, y)
		VSUBPS(top, y, y)
		c.exp(y)
		if store {
			VMOVUPS(y, Mem{Base: x})
		}
		for i, h := range halves(y) {
			VADDPD(h, acc[i], acc[i])
		}
	}, x)
	returnSum(acc)
}

func silu() {
	lanes.Kernel("wideSiLUMul", "func(gate *float32, up *float32, n int)", "wideSiLUMul sets gate[i] = gate[i]/(1+exp(-gate[i]))*up[i].")
	gate, up, n := lanes.Arg("gate"), lanes.Arg("up"), lanes.Arg("n")
	c, sign := load(), spread(signs)
	each("wideSiLUMul", n, func() {
		g, y := ZMM(), ZMM()
		VMOVUPS(Mem{Base: gate}, g)
		VXORPS(sign, g, y)
		c.exp(y)
		VADDPS(c.one, y, y)
		VDIVPS(y, g, g)
		VMULPS(Mem{Base: up}, g, g)
		VMOVUPS(g, Mem{Base: gate})
	}, gate, up)
	VZEROUPPER()
	RET()
}

func divergence() {
	lanes.Kernel("wideDivergence", "func(p *float32, q *float32, n int, lseP float64, delta float64) float64",
		"wideDivergence returns the sum of w*(p[i] - q[i] - delta), w = exp(p[i]-lseP), over the terms with w > 0.")
	p, q, n := lanes.Arg("p"), lanes.Arg("q"), lanes.Arg("n")
	lse, delta := broadcastDouble("lseP"), broadcastDouble("delta")
	acc, c := doubles(), load()
	each("wideDivergence", n, func() {
		x, y, w, top := ZMM(), ZMM(), ZMM(), YMM()
		VMOVUPS(Mem{Base: p}, x)
		VMOVUPS(Mem{Base: q}, y)
		ps, qs := halves(x), halves(y)
		l := lanes.Wide(2)
		for i := range l {
			VSUBPD(lse, ps[i], l[i])
		}
		VCVTPD2PS(l[0], w.AsY())
		VCVTPD2PS(l[1], top)
		VINSERTF64X4(U8(1), top, w, w)
		c.exp(w)
		for i, h := range halves(w) {
			present := K()
			VSUBPD(qs[i], ps[i], ps[i])
			VSUBPD(delta, ps[i], ps[i])
			VPTESTMQ(h, h, present) // not zero
			VFMADD231PD(ps[i], h, present, acc[i])
		}
	}, p, q)
	returnSum(acc)
}

package vector

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// exponential holds the constants of exp: x = n*log(2) + r with |r| <= log(2)/2, exp(x) = 2^n * (1 + r + r^2*p(r)), p
// of degree 4 with the smallest greatest relative error of the whole (3.1e-9, found by the Remez exchange). log(2) is
// split in two so that n*high is exact.
type exponential struct {
	functions
	low, high, log2e, ln2High, ln2Low, one Op
	poly                                   []Op
}

func (m functions) exponential() exponential {
	e := exponential{
		functions: m,
		low:       m.float(-104), // exp rounds to 0
		high:      m.float(89),   // exp is +Inf
		log2e:     m.float(math.Log2E),
		ln2High:   m.float(0.693359375),
		ln2Low:    m.float(math.Ln2 - 0.693359375),
		one:       m.float(1),
	}
	for _, v := range []float64{
		0.0013814598567922628, 0.008368716878493023, 0.04166838804689845, 0.16666520631723022, 0.4999999344778866,
	} {
		e.poly = append(e.poly, m.float(v))
	}
	return e
}

// clamp cuts x off at both ends; NaN stays.
func (m functions) clamp(x reg.VecVirtual, low, high Op) {
	VMAXPS(x, m.in(low), x) // the second operand, x, when it is NaN
	VMINPS(x, m.in(high), x)
}

// reduce replaces x by r and returns n, rounded, as float32.
func (e exponential) reduce(x reg.VecVirtual) (n reg.VecVirtual) {
	n = e.Vec()
	VMULPS(e.log2e, x, n)
	e.Round(n, n)
	VFNMADD231PS(e.ln2High, n, x)
	VFNMADD231PS(e.ln2Low, n, x)
	return n
}

// series is r + r^2*p(r).
func (e exponential) series(r reg.VecVirtual) reg.VecVirtual {
	p, square := e.polynomial(e.poly, r), e.Vec()
	VMULPS(r, r, square)
	VFMADD213PS(r, square, p)
	return p
}

// exp replaces x by its exponential. AVX2 applies 2^n as two factors, so that results below 2^-126 round once and those
// above the largest number become +Inf.
func (e exponential) exp(x reg.VecVirtual) {
	e.clamp(x, e.low, e.high)
	n := e.reduce(x)
	p := e.series(x)
	VADDPS(e.one, p, p)
	if e.Wide() {
		VSCALEFPS(n, p, x)
		return
	}
	half := YMM()
	VCVTPS2DQ(n, n)
	VPSRAD(U8(1), n, half)
	VPSUBD(half, n, n)
	power(half)
	power(n)
	VMULPS(half, p, p)
	VMULPS(n, p, x)
}

// power replaces integers n, -126 <= n <= 127, by 2^n.
func power(n reg.VecVirtual) {
	VPADDD(Bits(127), n, n)
	VPSLLD(U8(23), n, n)
}

// expm1 replaces x, -80 <= x <= 80, by exp(x)-1 = 2^n*(r + r^2*p(r)) + (2^n-1).
func (e exponential) expm1(x reg.VecVirtual) {
	n := e.reduce(x)
	p := e.series(x)
	if e.Wide() {
		VSCALEFPS(n, e.one.(reg.VecVirtual), n)
	} else {
		VCVTPS2DQ(n, n)
		power(n)
	}
	VSUBPS(e.one, n, x)
	VFMADD231PS(p, n, x)
}

func (m functions) expSum(name, doc string, store bool) {
	m.Func(name, "func(x *float32, n int, scale float32, top float32) float64", doc)
	x := Arg("x")
	factor, top := m.FloatArg("scale"), m.FloatArg("top")
	acc, e := m.Zeros(2), m.exponential()
	m.loop(func() {
		y := m.Vec()
		VMULPS(Mem{Base: x}, factor, y)
		VSUBPS(top, y, y)
		e.exp(y)
		if store {
			VMOVUPS(y, Mem{Base: x})
		}
		for i, d := range m.doubles(y) {
			VADDPD(d, acc[i], acc[i])
		}
	}, x)
	m.returnSum(acc)
}

func (m functions) divergence() {
	m.Func("divergence", "func(p *float32, q *float32, n int, lseP float64, delta float64) float64",
		"returns the sum of w*(p[i] - q[i] - delta), w = exp(p[i]-lseP), over the terms with w > 0.")
	p, q := Arg("p"), Arg("q")
	lse, delta := m.DoubleArg("lseP"), m.DoubleArg("delta")
	acc, e := m.Zeros(2), m.exponential()
	zero := m.Vec()
	if !m.Wide() {
		VXORPD(zero, zero, zero)
	}
	m.loop(func() {
		x, y := m.Load(Mem{Base: p}), m.Load(Mem{Base: q})
		ps, qs := m.doubles(x), m.doubles(y)
		l := [2]reg.VecVirtual{m.Vec(), m.Vec()}
		for i := range l {
			VSUBPD(lse, ps[i], l[i])
		}
		w := m.singles(l)
		e.exp(w)
		for i, d := range m.doubles(w) {
			VSUBPD(qs[i], ps[i], ps[i])
			VSUBPD(delta, ps[i], ps[i])
			if m.Wide() {
				present := K()
				VPTESTMQ(d, d, present) // not zero
				VFMADD231PD(ps[i], d, present, acc[i])
				continue
			}
			present := YMM()
			VCMPPD(U8(4), zero, d, present) // not equal
			VANDPD(present, ps[i], ps[i])
			VFMADD231PD(ps[i], d, acc[i])
		}
	}, p, q)
	m.returnSum(acc)
}

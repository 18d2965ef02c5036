// Command runningwide generates the AVX-512 part of a running softmax.
package runningwide

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

// The power of two: x = n + r with n = floor(x), 2^x = 2^n * (1 + r*p(r)), p of degree 4 with the smallest greatest
// relative error of the whole (9e-8, as in _asm/running).
var (
	least, one Mem
	poly       []Mem
)

func constants_() {
	least = float("runningLeast", -math.MaxFloat32)
	one = float("runningOne", 1)
	poly = []Mem{
		float("running5", 0.001867130213318159), float("running4", 0.0090170300187981),
		float("running3", 0.05579991332066152), float("running2", 0.24016445009570767), float("running1", 0.6931513118094635),
	}
}

func float(name string, v float64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	DATA(0, U32(math.Float32bits(float32(v))))
	return m
}

func spread(m Mem) reg.VecVirtual {
	v := ZMM()
	VBROADCASTSS(m, v)
	return v
}

func Emit() {
	constants_()
	machine.Kernel("wideRunningPart",
		"func(x *float32, stride int, width int, seen *int32, rows int, factor float32, top *float32, factors *float32, sum *float64)",
		"wideRunningPart adds parts to running softmaxes: see AddPart; stride is in bytes.")
	x, stride, width, seen, rows := machine.Arg("x"), machine.Arg("stride"), machine.Arg("width"), machine.Arg("seen"), machine.Arg("rows")
	tops, factors, sums := machine.Arg("top"), machine.Arg("factors"), machine.Arg("sum")
	scalar, factor := XMM(), ZMM()
	Load(Param("factor"), scalar)
	VBROADCASTSS(scalar, factor)
	low, ones := spread(least), spread(one)
	var p []reg.VecVirtual
	for _, m := range poly {
		p = append(p, spread(m))
	}
	exp2 := func(t reg.VecVirtual) {
		r, y := ZMM(), ZMM()
		VREDUCEPS(U8(1), t, r) // t - floor(t); 0 for -Inf
		VMOVAPS(p[0], y)
		for _, c := range p[1:] {
			VFMADD213PS(c, r, y)
		}
		VFMADD213PS(ones, r, y)
		VSCALEFPS(t, y, t) // y * 2^floor(t)
	}

	Label("running_row")
	n, at, vectors, tail := GP64(), GP64(), GP64(), K()
	MOVLQSX(Mem{Base: seen}, n)
	MOVQ(n, vectors)
	SHRQ(Imm(4), vectors)
	bits, count := GP64(), GP64()
	MOVQ(n, count)
	ANDQ(Imm(15), count)
	MOVQ(U32(1), bits)
	SHLXQ(count, bits, bits)
	DECQ(bits)
	KMOVW(bits.As32(), tail)

	// The largest.
	most := [2]reg.VecVirtual{ZMM(), ZMM()}
	for _, m := range most {
		VMOVAPS(low, m)
	}
	MOVQ(x, at)
	left := GP64()
	MOVQ(vectors, left)
	SUBQ(Imm(2), left)
	JL(LabelRef("running_max_one"))
	Label("running_max")
	for i, m := range most {
		VMAXPS(Mem{Base: at, Disp: 64 * i}, m, m)
	}
	ADDQ(U32(128), at)
	SUBQ(Imm(2), left)
	JGE(LabelRef("running_max"))
	Label("running_max_one")
	ADDQ(Imm(2), left)
	JZ(LabelRef("running_max_tail"))
	VMAXPS(Mem{Base: at}, most[0], most[0])
	ADDQ(Imm(64), at)
	Label("running_max_tail")
	KTESTW(tail, tail)
	JZ(LabelRef("running_max_done"))
	VMAXPS(Mem{Base: at}, most[1], tail, most[1])
	Label("running_max_done")
	VMAXPS(most[1], most[0], most[0])
	fold := func(v reg.VecVirtual, op func(ops ...Op)) {
		y, z := YMM(), XMM()
		VEXTRACTF64X4(U8(1), v, y)
		op(v.AsY(), y, y)
		VEXTRACTF128(U8(1), y, z)
		op(y.AsX(), z, z)
		h := XMM()
		VPERMILPS(U8(0x4e), z, h)
		op(h, z, z)
		VPERMILPS(U8(0xb1), z, h)
		op(h, z, v.AsX())
	}
	fold(most[0], VMAXPS)
	top, old := ZMM(), XMM()
	VMULSS(most[0].AsX(), factor.AsX(), most[0].AsX())
	VMOVSS(Mem{Base: tops}, old)
	VMAXSS(most[0].AsX(), old, most[0].AsX())
	VMOVSS(most[0].AsX(), Mem{Base: tops})
	VBROADCASTSS(most[0].AsX(), top)

	// What earlier sums are multiplied by.
	f := ZMM()
	VSUBSS(most[0].AsX(), old, f.AsX())
	exp2(f)
	VMOVSS(f.AsX(), Mem{Base: factors})

	// The powers.
	acc := ZMM()
	VPXORD(acc, acc, acc)
	MOVQ(x, at)
	TESTQ(vectors, vectors)
	JZ(LabelRef("running_tail"))
	Label("running_exp")
	t := ZMM()
	VMOVUPS(Mem{Base: at}, t)
	VFMSUB213PS(top, factor, t)
	exp2(t)
	VMOVUPS(t, Mem{Base: at})
	VADDPS(t, acc, acc)
	ADDQ(Imm(64), at)
	DECQ(vectors)
	JNZ(LabelRef("running_exp"))
	Label("running_tail")
	KTESTW(tail, tail)
	JZ(LabelRef("running_clear"))
	t = ZMM()
	VMOVUPS_Z(Mem{Base: at}, tail, t)
	VFMSUB213PS(top, factor, t)
	exp2(t)
	VMOVAPS_Z(t, tail, t)
	VMOVUPS(t, Mem{Base: at})
	VADDPS(t, acc, acc)
	ADDQ(Imm(64), at)

	Label("running_clear")
	end, zero := GP64(), ZMM()
	LEAQ(Mem{Base: x, Index: width, Scale: 4}, end)
	VPXORD(zero, zero, zero)
	CMPQ(at, end)
	JGE(LabelRef("running_sum"))
	Label("running_clear_one")
	VMOVUPS(zero, Mem{Base: at})
	ADDQ(Imm(64), at)
	CMPQ(at, end)
	JL(LabelRef("running_clear_one"))

	Label("running_sum")
	fold(acc, VADDPS)
	total, scaled := XMM(), XMM()
	VCVTSS2SD(acc.AsX(), acc.AsX(), total)
	VCVTSS2SD(f.AsX(), f.AsX(), scaled)
	VFMADD132SD(Mem{Base: sums}, total, scaled)
	VMOVSD(scaled, Mem{Base: sums})
	ADDQ(stride, x)
	for _, q := range []reg.GPVirtual{seen, tops, factors} {
		ADDQ(Imm(4), q)
	}
	ADDQ(Imm(8), sums)
	DECQ(rows)
	JNZ(LabelRef("running_row"))
	VZEROUPPER()
	RET()
}

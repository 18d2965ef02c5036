// Command running generates the AVX2 part of a running softmax.
package running

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

// The power of two: x = n + r with n = floor(x), 2^x = 2^n * (1 + r*p(r)), p of degree 4 with the smallest greatest
// relative error of the whole (9e-8). Powers below 2^-126 are 0.
var (
	least, lowest, one Mem
	poly               []Mem
)

func constants_() {
	least = float("runningLeast", -math.MaxFloat32)
	lowest = float("runningLowest", -126)
	one = float("runningOne", 1)
	poly = []Mem{
		float("running5", 0.001867130213318159), float("running4", 0.0090170300187981),
		float("running3", 0.05579991332066152), float("running2", 0.24016445009570767), float("running1", 0.6931513118094635),
	}
}

func float(name string, v float64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(math.Float32bits(float32(v))))
	}
	return m
}

// masks holds eight lanes of ones and eight of zeros: n lanes of ones begin 8-n lanes behind its start.
func masks() Mem {
	m := GLOBL("runningMasks", RODATA|NOPTR)
	for i := range 16 {
		v := uint32(0)
		if i < 8 {
			v = 1<<32 - 1
		}
		DATA(4*i, U32(v))
	}
	return m
}

func Emit() {
	constants_()
	table := masks()
	machine.Kernel("runningPart",
		"func(x *float32, stride int, width int, seen *int32, rows int, factor float32, top *float32, factors *float32, sum *float64)",
		"runningPart adds parts to running softmaxes: see AddPart; stride is in bytes.")
	x, stride, width, seen, rows := machine.Arg("x"), machine.Arg("stride"), machine.Arg("width"), machine.Arg("seen"), machine.Arg("rows")
	tops, factors, sums := machine.Arg("top"), machine.Arg("factors"), machine.Arg("sum")
	scalar, factor := XMM(), YMM()
	Load(Param("factor"), scalar)
	VBROADCASTSS(scalar, factor)
	low := YMM()
	VMOVUPS(least, low)

	Label("running_row")
	n, at, vectors, tail, mask := GP64(), GP64(), GP64(), GP64(), YMM()
	MOVLQSX(Mem{Base: seen}, n)
	MOVQ(n, vectors)
	SHRQ(Imm(3), vectors)
	MOVQ(n, tail)
	ANDQ(Imm(7), tail)
	place, from := GP64(), GP64()
	LEAQ(table, from)
	MOVQ(U32(8), place)
	SUBQ(tail, place)
	VMOVUPS(Mem{Base: from, Index: place, Scale: 4}, mask)

	// The largest.
	most := YMM()
	VMOVAPS(low, most)
	MOVQ(x, at)
	left := GP64()
	MOVQ(vectors, left)
	TESTQ(left, left)
	JZ(LabelRef("running_max_tail"))
	Label("running_max")
	VMAXPS(Mem{Base: at}, most, most)
	ADDQ(Imm(32), at)
	DECQ(left)
	JNZ(LabelRef("running_max"))
	Label("running_max_tail")
	TESTQ(tail, tail)
	JZ(LabelRef("running_max_done"))
	rest := YMM()
	VMOVUPS(Mem{Base: at}, rest)
	VBLENDVPS(mask, rest, low, rest)
	VMAXPS(rest, most, most)
	Label("running_max_done")
	fold(most, VMAXPS)
	top, old := YMM(), XMM()
	VMULSS(most.AsX(), factor.AsX(), most.AsX())
	VMOVSS(Mem{Base: tops}, old)
	VMAXSS(most.AsX(), old, most.AsX())
	VMOVSS(most.AsX(), Mem{Base: tops})
	VBROADCASTSS(most.AsX(), top)

	// What earlier sums are multiplied by.
	f := YMM()
	VSUBSS(most.AsX(), old, f.AsX())
	exp2(f)
	VMOVSS(f.AsX(), Mem{Base: factors})

	// The powers.
	acc := YMM()
	VXORPS(acc, acc, acc)
	MOVQ(x, at)
	TESTQ(vectors, vectors)
	JZ(LabelRef("running_tail"))
	Label("running_exp")
	t := YMM()
	VMOVUPS(Mem{Base: at}, t)
	VFMSUB213PS(top, factor, t)
	exp2(t)
	VMOVUPS(t, Mem{Base: at})
	VADDPS(t, acc, acc)
	ADDQ(Imm(32), at)
	DECQ(vectors)
	JNZ(LabelRef("running_exp"))
	Label("running_tail")
	TESTQ(tail, tail)
	JZ(LabelRef("running_clear"))
	t = YMM()
	VMOVUPS(Mem{Base: at}, t)
	VFMSUB213PS(top, factor, t)
	exp2(t)
	VANDPS(mask, t, t)
	VMOVUPS(t, Mem{Base: at})
	VADDPS(t, acc, acc)
	ADDQ(Imm(32), at)

	Label("running_clear")
	end, zero := GP64(), YMM()
	LEAQ(Mem{Base: x, Index: width, Scale: 4}, end)
	VXORPS(zero, zero, zero)
	CMPQ(at, end)
	JGE(LabelRef("running_sum"))
	Label("running_clear_one")
	VMOVUPS(zero, Mem{Base: at})
	ADDQ(Imm(32), at)
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

// exp2 replaces t by its power of two.
func exp2(t reg.VecVirtual) {
	whole, y, there := YMM(), YMM(), YMM()
	VMOVUPS(lowest, y)
	VCMPPS(U8(5), y, t, there) // not t < -126: NaN stays
	VMAXPS(t, y, t)            // the second operand, t, when it is NaN
	VROUNDPS(U8(9), t, whole)  // down
	VSUBPS(whole, t, t)
	VMOVUPS(poly[0], y)
	for _, c := range poly[1:] {
		VFMADD213PS(c, t, y)
	}
	VFMADD213PS(one, t, y)
	VCVTPS2DQ(whole, whole)
	VPSLLD(U8(23), whole, whole)
	VPADDD(whole, y, y)
	VANDPS(there, y, t)
}

// fold leaves in the first lane what op makes of all.
func fold(v reg.VecVirtual, op func(ops ...Op)) {
	z, h := XMM(), XMM()
	VEXTRACTF128(U8(1), v, z)
	op(v.AsX(), z, z)
	VPERMILPS(U8(0x4e), z, h)
	op(h, z, z)
	VPERMILPS(U8(0xb1), z, h)
	op(h, z, v.AsX())
}

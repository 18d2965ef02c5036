package row

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// EmitSigned emits what serves the types whose values are small whole numbers times a scale for sixteen of them: unpacking
// to signed bytes by tables, and the product of such bytes with plain activations. AVX2.
func EmitSigned() {
	nibbleLevels()
	points8()
	points4()
	dotLevels()
}

// nibbleLevels looks up the two halves of each byte.
func nibbleLevels() {
	const name = "nibblesAVX2"
	Func(name, "func(dst *int8, src *byte, stride, n int, table *int8)", "sets 32 bytes of dst from 16 bytes "+
		"of src, n times, stride bytes apart: the low halves' entries of a table of sixteen, then the high halves'.")
	dst, src, stride, n := Arg("dst"), Arg("src"), Arg("stride"), Arg("n")
	table, mask := YMM(), YMM()
	VBROADCASTI128(Mem{Base: Arg("table")}, table)
	VMOVDQU(Bytes(15), mask)
	shift := YMM()
	VMOVDQU(Table("row_nibbles", 32, func(i int) byte { return byte(i / 16 * 4 * (1 - min(1, i%8))) }), shift)
	Repeat(name+"_loop", n, func() {
		x := YMM()
		VBROADCASTI128(Mem{Base: src}, x)
		VPSRLVQ(shift, x, x)
		VPAND(mask, x, x)
		VPSHUFB(x, table, x)
		VMOVDQU(x, Mem{Base: dst})
		ADDQ(stride, src)
	}, By(32, dst))
	End()
}

// negate negates byte i of x where bit i of the four bytes at signs is set.
func negate(x reg.VecVirtual, signs Mem, spread, bit reg.VecVirtual) {
	m := YMM()
	VPBROADCASTD(signs, m)
	VPSHUFB(spread, m, m)
	VPAND(bit, m, m)
	VPCMPEQB(bit, m, m)
	VPXOR(m, x, x)
	VPSUBB(m, x, x)
}

func signConstants() (spread, bit reg.VecVirtual) {
	s := AVX2
	return s.Load(Table("row_spread", 32, func(i int) byte { return byte(i / 8) })),
		s.Load(Table("row_select", 32, func(i int) byte { return 1 << (i % 8) }))
}

// points8 looks up points of eight bytes.
func points8() {
	const name = "entries8AVX2"
	Func(name, "func(dst *[8]int8, table *[8]int8, index *uint16, signs *byte, n int)", "sets dst[i] to "+
		"table[index[i]], negated where the bits of signs[i] are set; n is a multiple of four.")
	dst, table, index, signs, n := Arg("dst"), Arg("table"), Arg("index"), Arg("signs"), Arg("n")
	spread, bit := signConstants()
	Loop(name+"_loop", n, 4, func() {
		i, x, all := YMM(), YMM(), YMM()
		VPMOVZXWQ(Mem{Base: index}, i)
		VPCMPEQD(all, all, all)
		VPXOR(x, x, x)
		VPGATHERQQ(all, Mem{Base: table, Index: i, Scale: 8}, x)
		negate(x, Mem{Base: signs}, spread, bit)
		VMOVDQU(x, Mem{Base: dst})
	}, By(32, dst), By(8, index), By(4, signs))
	End()
}

// points4 looks up points of four bytes.
func points4() {
	const name = "entries4AVX2"
	Func(name, "func(dst *[4]int8, table *[4]int8, index *uint16, signs *byte, n int)", "sets dst[i] to "+
		"table[index[i]]; byte k of all is negated where bit k of signs is set; n is a multiple of eight.")
	dst, table, index, signs, n := Arg("dst"), Arg("table"), Arg("index"), Arg("signs"), Arg("n")
	spread, bit := signConstants()
	Loop(name+"_loop", n, 8, func() {
		i, x, all := YMM(), YMM(), YMM()
		VPMOVZXWD(Mem{Base: index}, i)
		VPCMPEQD(all, all, all)
		VPXOR(x, x, x)
		VPGATHERDD(all, Mem{Base: table, Index: i, Scale: 4}, x)
		negate(x, Mem{Base: signs}, spread, bit)
		VMOVDQU(x, Mem{Base: dst})
	}, By(32, dst), By(16, index), By(4, signs))
	End()
}

// dotLevels: levels times activations, sixteen at a time.
func dotLevels() {
	const name = "dotSignedAVX2"
	Func(name, "func(dst *float32, levels *int8, scales *float32, n int, x *float32)", "computes "+
		"sum_i scales[i] * sum_k levels[16i+k]*x[16i+k] for i < n, an even number.")
	levels, scales, n, x := Arg("levels"), Arg("scales"), Arg("n"), Arg("x")
	sum := AVX2.Vectors(2)
	for _, v := range sum {
		VXORPS(v, v, v)
	}
	Loop(name+"_loop", n, 2, func() {
		for i, v := range sum {
			a, b, s := YMM(), YMM(), YMM()
			VPMOVSXBD(Mem{Base: levels, Disp: 16 * i}, a)
			VPMOVSXBD(Mem{Base: levels, Disp: 16*i + 8}, b)
			VCVTDQ2PS(a, a)
			VCVTDQ2PS(b, b)
			VMULPS(Mem{Base: x, Disp: 64 * i}, a, a)
			VFMADD231PS(Mem{Base: x, Disp: 64*i + 32}, b, a)
			VBROADCASTSS(Mem{Base: scales, Disp: 4 * i}, s)
			VFMADD231PS(a, s, v)
		}
	}, By(32, levels), By(8, scales), By(128, x))
	total(sum, Mem{Base: Arg("dst")})
	End()
}

package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// EmitSigned generates for AVX2 what types with small whole numbers and a scale for sixteen of them need: unpacking to
// signed bytes by tables, and the product of such bytes with float32 activations.
func EmitSigned() {
	lookUpNibbles()
	entries(8, "negated where the bits of signs[i] are set", VPMOVZXWQ, VPGATHERQQ)
	entries(4, "byte k of all negated where bit k of signs is set", VPMOVZXWD, VPGATHERDD)
	dotSigned()
}

// lookUpNibbles looks up the two halves of each byte.
func lookUpNibbles() {
	const name = "nibblesAVX2"
	Func(name, "func(dst *int8, src *byte, stride, n int, table *int8)", "sets 32 bytes of dst from 16 bytes "+
		"of src, n times, stride bytes apart: the low halves' entries of a table of sixteen, then the high halves'.")
	dst, src, stride, n := Arg("dst"), Arg("src"), Arg("stride"), Arg("n")
	table, mask := YMM(), YMM()
	VBROADCASTI128(Mem{Base: Arg("table")}, table)
	VMOVDQU(Bytes(15), mask)
	shift := AVX2.Load(Table("row_nibbles", 32, func(i int) byte { return byte(i / 16 * 4 * (1 - min(1, i%8))) }))
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

// entries emits the lookup of codebook entries of eight or four bytes, a vector of them at a time.
func entries(bytes int, doc string, widen func(ops ...Op), gather func(all, from, to Op)) {
	name, n := fmt.Sprintf("entries%dAVX2", bytes), 32/bytes
	Func(name, fmt.Sprintf("func(dst *[%[1]d]int8, table *[%[1]d]int8, index *uint16, signs *byte, n int)", bytes),
		fmt.Sprintf("sets dst[i] to table[index[i]], %s; n is a multiple of %d.", doc, n))
	dst, table, index, signs := Arg("dst"), Arg("table"), Arg("index"), Arg("signs")
	spread := AVX2.Load(Table("row_spread", 32, func(i int) byte { return byte(i / 8) }))
	bit := AVX2.Load(Table("row_select", 32, func(i int) byte { return 1 << (i % 8) }))
	Loop(name+"_loop", Arg("n"), n, func() {
		i, x, all := YMM(), AVX2.Zero(), YMM()
		widen(Mem{Base: index}, i)
		VPCMPEQD(all, all, all)
		gather(all, Mem{Base: table, Index: i, Scale: uint8(bytes)}, x)
		negate(x, Mem{Base: signs}, spread, bit)
		VMOVDQU(x, Mem{Base: dst})
	}, By(32, dst), By(2*n, index), By(4, signs))
	End()
}

// dotSigned multiplies signed codes with activations, sixteen at a time.
func dotSigned() {
	const name = "dotSignedAVX2"
	Func(name, "func(dst *float32, codes *int8, scales *float32, n int, x *float32)", "computes "+
		"sum_i scales[i] * sum_k codes[16i+k]*x[16i+k] for i < n, an even number.")
	codes, scales, n, x := Arg("codes"), Arg("scales"), Arg("n"), Arg("x")
	sum := AVX2.Zeros(2)
	Loop(name+"_loop", n, 2, func() {
		for i, v := range sum {
			a, b, s := YMM(), YMM(), YMM()
			VPMOVSXBD(Mem{Base: codes, Disp: 16 * i}, a)
			VPMOVSXBD(Mem{Base: codes, Disp: 16*i + 8}, b)
			VCVTDQ2PS(a, a)
			VCVTDQ2PS(b, b)
			VMULPS(Mem{Base: x, Disp: 64 * i}, a, a)
			VFMADD231PS(Mem{Base: x, Disp: 64*i + 32}, b, a)
			VBROADCASTSS(Mem{Base: scales, Disp: 4 * i}, s)
			VFMADD231PS(a, s, v)
		}
	}, By(32, codes), By(8, scales), By(128, x))
	total(sum, Mem{Base: Arg("dst")})
	End()
}

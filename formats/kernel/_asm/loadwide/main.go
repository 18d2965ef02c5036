// Command loadwide generates the AVX-512 conversion of activations to 8-bit blocks of 256.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/formats/kernel/asm/lanes"
)

var (
	limit    = word("wideLimit127", 0x42fe0000)    // 127.0
	negative = word("wideNegative127", 0xc2fe0000) // -127.0
	unit     = word("wideUnit", 0x3f800000)        // 1.0
	minus    = word("wideMinus", 0x80000000)
	middle   = word("wideMiddle", 0x80808080) // bytes of 128
	sixteen  = word("wideSixteen", 16*128)
	wordOnes = word("wideWordOnes", 0x00010001) // int16 of 1
)

func word(name string, v ...uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, x := range v {
		DATA(4*i, U32(x))
	}
	return m
}

func spread(m Mem) reg.VecVirtual {
	v := ZMM()
	VPBROADCASTD(m, v)
	return v
}

// fold leaves in the first lane what op makes of all.
func fold(v reg.VecVirtual, op func(ops ...Op)) reg.VecVirtual {
	y, z, h := YMM(), XMM(), XMM()
	VEXTRACTF64X4(U8(1), v, y)
	op(v.AsY(), y, y)
	VEXTRACTF32X4(U8(1), y, z)
	op(y.AsX(), z, z)
	VPERMILPS(U8(0x4e), z, h)
	op(h, z, z)
	VPERMILPS(U8(0xb1), z, h)
	op(h, z, z)
	return z
}

func main() {
	lanes.Header()
	// Columns of a 4 x 4 matrix of words become its rows.
	turn := GLOBL("wideTurn", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i%4*4+i/4)))
	}
	lanes.Kernel("wideLoad256", "func(codes *int8, sums16 *int16, sums32 *int16, d *float32, x *float32, blocks int) int",
		"wideLoad256 is loadQ8K for blocks of 256 in a row, up to one with a NaN or where the largest magnitude has both signs; "+
			"it returns how many blocks are left.")
	codes, sums16, sums32, d := lanes.Arg("codes"), lanes.Arg("sums16"), lanes.Arg("sums32"), lanes.Arg("d")
	src, blocks := lanes.Arg("x"), lanes.Arg("blocks")
	most, offset, group := spread(limit), spread(middle), spread(sixteen)
	order := ZMM()
	VMOVDQU32(turn, order)
	ones := YMM()
	VPBROADCASTD(wordOnes, ones)

	Label("wideLoad256_block")
	x := lanes.Wide(16)
	for i := range x {
		VMOVUPS(Mem{Base: src, Disp: 64 * i}, x[i])
	}
	// The largest and the smallest, and whether any is NaN.
	high, low := [2]reg.VecVirtual{ZMM(), ZMM()}, [2]reg.VecVirtual{ZMM(), ZMM()}
	odd := [2]reg.OpmaskVirtual{K(), K()}
	for i := range 2 {
		VMAXPS(x[i], x[i+2], high[i])
		VMINPS(x[i], x[i+2], low[i])
		VCMPPS(U8(3), x[i], x[i+2], odd[i])
	}
	for i := 4; i < 16; i++ {
		VMAXPS(x[i], high[i%2], high[i%2])
		VMINPS(x[i], low[i%2], low[i%2])
		if i%4 < 2 {
			k := K()
			VCMPPS(U8(3), x[i], x[i+2], k)
			KORW(k, odd[i%2], odd[i%2])
		}
	}
	VMAXPS(high[1], high[0], high[0])
	VMINPS(low[1], low[0], low[0])
	KORTESTW(odd[1], odd[0])
	JNZ(LabelRef("wideLoad256_done"))
	value, least, opposite := fold(high[0], VMAXPS), fold(low[0], VMINPS), XMM()
	VXORPS(minus, least, opposite)
	VUCOMISS(opposite, value)
	JE(LabelRef("wideLoad256_done")) // zeros too
	k := K()
	VCMPSS(U8(1), opposite, value, k) // largest < -smallest
	VMOVSS(least, value, k, value)
	inverse, step, scale := XMM(), XMM(), ZMM()
	VMOVSS(negative, inverse)
	VDIVSS(value, inverse, inverse)
	VBROADCASTSS(inverse, scale)
	VMOVSS(unit, step)
	VDIVSS(inverse, step, step)
	VMOVSS(step, Mem{Base: d})

	// Codes, 64 at a time, and for each lane of 128 bits of them the sum plus 16 times 128.
	sums := lanes.Wide(4)
	zero := ZMM()
	VPXORD(zero, zero, zero)
	for i := range sums {
		q := x[4*i : 4*i+4]
		for _, v := range q {
			VMULPS(scale, v, v)
			VMINPS(v, most, v) // NaN stays
			VCVTPS2DQ(v, v)
		}
		VPACKSSDW(q[1], q[0], q[0])
		VPACKSSDW(q[3], q[2], q[2])
		VPACKSSWB(q[2], q[0], q[0])
		VPERMD(q[0], order, q[0])
		VMOVDQU32(q[0], Mem{Base: codes, Disp: 64 * i})
		other := ZMM()
		VPXORD(offset, q[0], sums[i])
		VPSADBW(zero, sums[i], sums[i])
		VPSHUFD(U8(0x4e), sums[i], other)
		VPADDD(other, sums[i], sums[i])
	}
	VPUNPCKLDQ(sums[1], sums[0], sums[0])
	VPUNPCKLDQ(sums[3], sums[2], sums[2])
	VPUNPCKLQDQ(sums[2], sums[0], sums[0])
	VPERMD(sums[0], order, sums[0])
	VPSUBD(group, sums[0], sums[0])
	y, short := YMM(), XMM()
	VPMOVDW(sums[0], y)
	VMOVDQU(y, Mem{Base: sums16})
	VPMADDWD(ones, y, y)
	VPMOVDW(y, short)
	VMOVDQU(short, Mem{Base: sums32})
	ADDQ(U32(1024), src)
	ADDQ(U32(256), codes)
	ADDQ(Imm(32), sums16)
	ADDQ(Imm(16), sums32)
	ADDQ(Imm(4), d)
	DECQ(blocks)
	JNZ(LabelRef("wideLoad256_block"))
	Label("wideLoad256_done")
	VZEROUPPER()
	Store(blocks, ReturnIndex(0))
	RET()
	Generate()
}

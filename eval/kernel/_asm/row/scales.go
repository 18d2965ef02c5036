package row

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// scales2 extracts the sixteen scales and minima of Q2_K: low and high halves of the first sixteen bytes.
func scales2(s Machine, block reg.GPVirtual) (scales, mins reg.VecVirtual) {
	scales, mins = YMM(), YMM()
	VPMOVZXBW(Mem{Base: block}, mins)
	s.PAnd(scales, mins, Words(15))
	VPSRLW(U8(4), mins, mins)
	return scales, mins
}

// scales3 extracts the sixteen scales of Q3_K, less 32. Low four bits: halves of eight bytes; high two: four pairs in
// each of four bytes.
func scales3(s Machine, block reg.GPVirtual) (scales, mins reg.VecVirtual) {
	low, high := YMM(), YMM()
	VPBROADCASTQ(Mem{Base: block, Disp: 96}, low.AsX())
	VPMOVZXBW(low.AsX(), low)
	VPSRLVD(Table("row_shift3low", 32, func(i int) byte {
		if i >= 16 && i%4 == 0 {
			return 4
		}
		return 0
	}), low, low)
	s.PAnd(low, low, Words(15))
	VPBROADCASTD(Mem{Base: block, Disp: 104}, high.AsX())
	VPMOVZXBW(high.AsX(), high)
	VPSLLW(U8(4), high, high)
	VPSRLVQ(Table("row_shift3high", 32, func(i int) byte {
		if i%8 == 0 {
			return byte(2 * (i / 8))
		}
		return 0
	}), high, high)
	s.PAnd(high, high, Words(48))
	s.POr(high, high, low)
	VPSUBW(Words(32), high, high)
	return high, nil
}

// scales6 extracts the eight scales and the eight minima of Q4_K and Q5_K: see ScalesMins in formats/block. Its three
// words are loaded as A A B B and C C C C, which hold the low and high bits of scales and minima.
func scales6(s Machine, block reg.GPVirtual) (scales, mins reg.VecVirtual) {
	dwords := func(name string, v ...uint32) Mem { return Table32(name, len(v), func(i int) uint32 { return v[i] }) }
	ab, c := YMM(), XMM()
	x := ab.AsX()
	VPSHUFD(U8(0xa5), Mem{Base: block}, x)
	VPSRLVD(dwords("row_shift6ab", 0, 2, 0, 2), x, x)
	VPBROADCASTD(Mem{Base: block, Disp: 12}, c)
	VPSRLVD(dwords("row_shift6c", 0, 0, 0, 4), c, c)
	abMask := dwords("row_mask6ab", 0x3f3f3f3f, 0x30303030, 0x3f3f3f3f, 0x30303030)
	cMask := dwords("row_mask6c", 0, 0x0f0f0f0f, 0, 0x0f0f0f0f)
	if s.Wide() {
		VPANDD(abMask, x, x)
		VPTERNLOGD(U8(0xf8), cMask, c, x)
	} else {
		VPAND(abMask, x, x)
		VPAND(cMask, c, c)
		VPOR(c, x, x)
	}
	VPMOVZXBW(x, ab)
	return ab, nil
}

// scales8 extracts the sixteen scales of Q6_K: signed bytes.
func scales8(_ Machine, block reg.GPVirtual) (scales, mins reg.VecVirtual) {
	scales = YMM()
	VPMOVSXBW(Mem{Base: block, Disp: 192}, scales)
	return scales, nil
}

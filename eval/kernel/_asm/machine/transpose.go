package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Transpose16 transposes 16 x 16 words in registers.
func Transpose16(in []reg.VecVirtual) []reg.VecVirtual {
	// Within quarters of vectors: fours[4*i+q] holds, in quarter p, word 4p+q of rows 4i .. 4i+3.
	fours := make([]reg.VecVirtual, 16)
	for i := 0; i < 16; i += 4 {
		r := in[i : i+4]
		ab, AB, cd, CD := ZMM(), ZMM(), ZMM(), ZMM()
		VPUNPCKLDQ(r[1], r[0], ab)
		VPUNPCKHDQ(r[1], r[0], AB)
		VPUNPCKLDQ(r[3], r[2], cd)
		VPUNPCKHDQ(r[3], r[2], CD)
		for q := range 4 {
			fours[i+q] = ZMM()
		}
		VPUNPCKLQDQ(cd, ab, fours[i])
		VPUNPCKHQDQ(cd, ab, fours[i+1])
		VPUNPCKLQDQ(CD, AB, fours[i+2])
		VPUNPCKHQDQ(CD, AB, fours[i+3])
	}
	// Then quarters: word 4p+q takes quarter p of fours[q], fours[4+q], fours[8+q], fours[12+q].
	out := make([]reg.VecVirtual, 16)
	for q := range 4 {
		a, b, c, d := fours[q], fours[4+q], fours[8+q], fours[12+q]
		low, LOW, high, HIGH := ZMM(), ZMM(), ZMM(), ZMM()
		VSHUFI32X4(U8(0x88), b, a, low)  // a0 a2 b0 b2
		VSHUFI32X4(U8(0xdd), b, a, LOW)  // a1 a3 b1 b3
		VSHUFI32X4(U8(0x88), d, c, high) // c0 c2 d0 d2
		VSHUFI32X4(U8(0xdd), d, c, HIGH)
		for p := range 4 {
			out[4*p+q] = ZMM()
		}
		VSHUFI32X4(U8(0x88), high, low, out[q])
		VSHUFI32X4(U8(0x88), HIGH, LOW, out[4+q])
		VSHUFI32X4(U8(0xdd), high, low, out[8+q])
		VSHUFI32X4(U8(0xdd), HIGH, LOW, out[12+q])
	}
	return out
}

// Transpose8 transposes 8 x 8 words in registers.
func Transpose8(in []reg.VecVirtual) []reg.VecVirtual {
	// Pairs of rows, then fours (columns j and j+4 in the two halves of a vector), then eights.
	var four [2][4]reg.VecVirtual
	for h := range 2 {
		r := in[4*h : 4*h+4]
		ab0, ab1, cd0, cd1 := YMM(), YMM(), YMM(), YMM()
		VPUNPCKLDQ(r[1], r[0], ab0)
		VPUNPCKHDQ(r[1], r[0], ab1)
		VPUNPCKLDQ(r[3], r[2], cd0)
		VPUNPCKHDQ(r[3], r[2], cd1)
		for j := range four[h] {
			four[h][j] = YMM()
		}
		VPUNPCKLQDQ(cd0, ab0, four[h][0])
		VPUNPCKHQDQ(cd0, ab0, four[h][1])
		VPUNPCKLQDQ(cd1, ab1, four[h][2])
		VPUNPCKHQDQ(cd1, ab1, four[h][3])
	}
	out := AVX2.Vectors(8)
	for j := range 4 {
		VPERM2I128(U8(0x20), four[1][j], four[0][j], out[j])
		VPERM2I128(U8(0x31), four[1][j], four[0][j], out[j+4])
	}
	return out
}

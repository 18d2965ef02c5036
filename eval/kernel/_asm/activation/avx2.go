package activation

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// EmitAVX2 generates the AVX2 conversion of activations to 8-bit blocks, and of those to other forms.
func EmitAVX2() {
	load32()
	load256()
	roundBF16()
	scaleCodes()
	interleave256()
	interleave32()
}

// order undoes the interleaving of two packs.
func order() Mem {
	return Table32("order", 8, func(i int) uint32 { return uint32(i/2 + i%2*4) })
}

// magnitudes returns the largest |x| of n vectors from src, in every lane. Magnitudes are compared as integers, so NaN
// is the largest of all.
func magnitudes(src reg.GPVirtual, n int) reg.VecVirtual {
	mask := AVX2.Load(Bits(0x7fffffff))
	acc := AVX2.Vectors(min(n, 4))
	for i := range n {
		if i < len(acc) {
			VPAND(Mem{Base: src, Disp: 32 * i}, mask, acc[i])
			continue
		}
		x := YMM()
		VPAND(Mem{Base: src, Disp: 32 * i}, mask, x)
		VPMAXUD(x, acc[i%4], acc[i%4])
	}
	VPMAXUD(acc[1], acc[0], acc[0])
	VPMAXUD(acc[3], acc[2], acc[2])
	VPMAXUD(acc[2], acc[0], acc[0])
	Across(acc[0], VPMAXUD)
	return acc[0]
}

// round32 stores 32 codes round(x*scale) held within [-128, 127], their two sums of 16 as int16, and returns
// registers with the two sums.
func round32(src, codes, sums reg.GPVirtual, scale reg.VecVirtual) (first, second reg.GPVirtual) {
	top := AVX2.Load(Float(127))
	q := AVX2.Vectors(4)
	for i := range q {
		VMULPS(Mem{Base: src, Disp: 32 * i}, scale, q[i])
		VMINPS(q[i], top, q[i]) // NaN stays
		VCVTPS2DQ(q[i], q[i])
	}
	VPACKSSDW(q[1], q[0], q[0])
	VPACKSSDW(q[3], q[2], q[2])
	VPACKSSWB(q[2], q[0], q[0])
	p := AVX2.Load(order())
	VPERMD(q[0], p, q[0])
	VMOVDQU(q[0], Mem{Base: codes})
	one := AVX2.Load(Bytes(1))
	VPMADDUBSW(q[0], one, q[0])
	VPMADDWD(Words(1), q[0], q[0])
	VPHADDD(q[0], q[0], q[0])
	VPHADDD(q[0], q[0], q[0])
	first, second = GP64(), GP64()
	high := XMM()
	VEXTRACTI128(U8(1), q[0], high)
	VMOVD(q[0].AsX(), first.As32())
	VMOVD(high, second.As32())
	MOVW(first.As16(), Mem{Base: sums})
	MOVW(second.As16(), Mem{Base: sums, Disp: 2})
	ADDQ(U32(128), src)
	ADDQ(U32(32), codes)
	ADDQ(U32(4), sums)
	return first, second
}

// storeF16 stores v rounded to a 16-bit float, as float32.
func storeF16(v, rounded reg.VecVirtual, to reg.GPVirtual) {
	VCVTPS2PH(U8(0), v, rounded)
	VCVTPH2PS(rounded, rounded)
	VMOVSS(rounded, Mem{Base: to})
	ADDQ(Imm(4), to)
}

func load32() {
	Func("loadQ8AVX2", "func(codes *int8, int16s *int16, sums *int16, d *float32, s *float32, x *float32, blocks int)",
		"is loadQ8 for blocks of 32 in a row; s is nil for Q8_0, words for Q8_1.")
	codes, words, sums, d, s := Arg("codes"), Arg("int16s"), Arg("sums"), Arg("d"), Arg("s")
	src, blocks := Arg("x"), Arg("blocks")
	Repeat("loadQ8AVX2_block", blocks, func() {
		m := magnitudes(src, 4)
		scale, step := AVX2.Zero(), XMM()
		bits := GP32()
		VMOVD(m.AsX(), bits)
		TESTL(bits, bits)
		JZ(LabelRef("loadQ8AVX2_zero"))
		inverse := XMM()
		VMOVSS(Float(127), inverse)
		VDIVSS(m.AsX(), inverse, inverse)
		VBROADCASTSS(inverse, scale)
		Label("loadQ8AVX2_zero")
		VDIVSS(Float(127), m.AsX(), step) // d = m/127
		stored := XMM()
		storeF16(step, stored, d)
		first, second := round32(src, codes, sums, scale)
		TESTQ(words, words)
		JZ(LabelRef("loadQ8AVX2_sum"))
		for i := range 2 {
			y := YMM()
			VPMOVSXBW(Mem{Base: codes, Disp: 16*i - 32}, y) // codes has moved on
			VMOVDQU(y, Mem{Base: words, Disp: 32 * i})
		}
		ADDQ(Imm(64), words)
		Label("loadQ8AVX2_sum")
		TESTQ(s, s)
		JZ(LabelRef("loadQ8AVX2_next"))
		ADDL(second.As32(), first.As32())
		VCVTSI2SSL(first.As32(), step, stored)
		VMULSS(stored, step, stored)
		storeF16(stored, stored, s)
		Label("loadQ8AVX2_next")
	})
	End()
}

func load256() {
	Func("loadQ8KAVX2", "func(codes *int8, sums16 *int16, sums32 *int16, d *float32, x *float32, blocks int)",
		"is loadQ8K for blocks of 256 in a row.")
	codes, sums16, sums32, d := Arg("codes"), Arg("sums16"), Arg("sums32"), Arg("d")
	src, blocks := Arg("x"), Arg("blocks")
	Repeat("loadQ8KAVX2_block", blocks, func() {
		m := magnitudes(src, 32)
		scale, step := AVX2.Zero(), XMM()
		Clear(step)
		bits := GP32()
		VMOVD(m.AsX(), bits)
		TESTL(bits, bits)
		JZ(LabelRef("loadQ8KAVX2_zero"))

		// The first value of the largest magnitude gives the sign.
		mask, at, found := YMM(), GP64(), GP32()
		VMOVDQU(Bits(0x7fffffff), mask)
		MOVQ(src, at)
		Label("loadQ8KAVX2_search")
		x := YMM()
		VPAND(Mem{Base: at}, mask, x)
		VPCMPEQD(x, m, x)
		VMOVMSKPS(x, found)
		ADDQ(Imm(32), at)
		TESTL(found, found)
		JZ(LabelRef("loadQ8KAVX2_search"))
		BSFL(found, found)
		value, inverse := XMM(), XMM()
		VMOVSS(Mem{Base: at, Disp: -32, Index: found.As64(), Scale: 4}, value)
		VMOVSS(Float(-127), inverse)
		VDIVSS(value, inverse, inverse)
		VBROADCASTSS(inverse, scale)
		VMOVSS(Float(1), step)
		VDIVSS(inverse, step, step)
		Label("loadQ8KAVX2_zero")
		VMOVSS(step, Mem{Base: d})
		ADDQ(Imm(4), d)
		Repeat("loadQ8KAVX2_round", Copy(U32(8)), func() {
			first, second := round32(src, codes, sums16, scale)
			ADDL(second.As32(), first.As32())
			MOVW(first.As16(), Mem{Base: sums32})
		}, By(2, sums32))
	})
	End()
}

func roundBF16() {
	Func("roundBF16AVX2", "func(dst *float32, halves *uint16, x *float32, n int)",
		"rounds to bfloat16, nearest even, NaN made quiet, n a multiple of 16; halves may be nil.")
	dst, halves, x, n := Arg("dst"), Arg("halves"), Arg("x"), Arg("n")
	below, one := AVX2.Load(Bits(0x7fff)), AVX2.Load(Bits(1))
	quiet, upper := AVX2.Load(Bits(0x00400000)), AVX2.Load(Bits(0xffff0000))
	Loop("roundBF16AVX2_loop", n, 16, func() {
		var rounded [2]reg.VecVirtual
		for i := range rounded {
			v, r, nan := AVX2.Load(Mem{Base: x, Disp: 32 * i}), YMM(), YMM()
			VPSRLD(U8(16), v, r)
			VPAND(one, r, r)
			VPADDD(below, r, r)
			VPADDD(v, r, r)
			VCMPPS(U8(3), v, v, nan) // unordered
			VPOR(quiet, v, v)
			VBLENDVPS(nan, v, r, r)
			VPAND(upper, r, r)
			VMOVUPS(r, Mem{Base: dst, Disp: 32 * i})
			VPSRLD(U8(16), r, r)
			rounded[i] = r
		}
		TESTQ(halves, halves)
		JZ(LabelRef("roundBF16AVX2_next"))
		VPACKUSDW(rounded[1], rounded[0], rounded[0])
		VPERMQ(U8(0xd8), rounded[0], rounded[0])
		VMOVDQU(rounded[0], Mem{Base: halves})
		ADDQ(Imm(32), halves)
		Label("roundBF16AVX2_next")
	}, By(64, x, dst))
	End()
}

func scaleCodes() {
	Func("scaleCodesAVX2", "func(dst *float32, codes *int8, d *float32, blocks int, block int)",
		"sets dst to codes times the scale of their block of a multiple of 32.")
	dst, codes, d, blocks := Arg("dst"), Arg("codes"), Arg("d"), Arg("blocks")
	scale := YMM()
	Repeat("scaleCodesAVX2_block", blocks, func() {
		VBROADCASTSS(Mem{Base: d}, scale)
		n := Arg("block")
		Loop("scaleCodesAVX2_loop", n, 32, func() {
			for i := range 4 {
				v := YMM()
				VPMOVSXBD(Mem{Base: codes, Disp: 8 * i}, v)
				VCVTDQ2PS(v, v)
				VMULPS(scale, v, v)
				VMOVUPS(v, Mem{Base: dst, Disp: 32 * i})
			}
		}, By(32, codes), By(128, dst))
	}, By(4, d))
	End()
}

// interleaveFloats copies one float32 of each row to the line at disp in each of n records.
func interleaveFloats(label string, from Rows, to reg.GPVirtual, disp, record int, n reg.GPVirtual) {
	w := GP32()
	Repeat(label, n, func() {
		for row := range layout.BlockTokens {
			MOVL(from.At(row, 0), w)
			MOVL(w, Mem{Base: to, Disp: disp + 4*row})
		}
	}, By(4, from.Base), By(record, to))
}

// pairSums returns -128 times the sums of pairs of int16, and times the first and the second number.
func pairSums(pairs reg.VecVirtual) (sum, first, second reg.VecVirtual) {
	sum, first, second = YMM(), YMM(), YMM()
	zero := AVX2.Zero()
	VPSLLD(U8(16), pairs, first)
	VPSRAD(U8(9), first, first)
	VPSRAD(U8(16), pairs, second)
	VPSLLD(U8(7), second, second)
	VPSUBD(first, zero, first)
	VPSUBD(second, zero, second)
	VPADDD(first, second, sum)
	return sum, first, second
}

func interleave256() {
	Func("interleave256AVX2", "func(tokenBlock *int32, d *float32, sums *int16, blocks int)",
		"writes the token block of eight tokens with blocks of 256.")
	tokenBlock, d, sums, blocks := Arg("tokenBlock"), Arg("d"), Arg("sums"), Arg("blocks")
	stride, to := Copy(blocks), Copy(tokenBlock)
	SHLQ(Imm(5), stride)
	rows := NewRows(sums, stride, layout.BlockTokens)
	Repeat("interleave256AVX2_sums", Copy(blocks), func() {
		total := AVX2.Zero()
		var low reg.VecVirtual
		for i, pairs := range rows.Columns() {
			VMOVDQU(pairs, Mem{Base: to, Disp: layout.TokenPairs16 + i*layout.Line})
			sum, first, second := pairSums(pairs)
			VMOVDQU(first, Mem{Base: to, Disp: layout.TokenOffsets + 2*i*layout.Line})
			VMOVDQU(second, Mem{Base: to, Disp: layout.TokenOffsets + (2*i+1)*layout.Line})
			VPADDD(sum, total, total)
			// Sums of 32, in pairs.
			both := YMM()
			VPMADDWD(Words(1), pairs, both)
			if i%2 == 0 {
				low = both
				continue
			}
			VPSLLD(U8(16), both, both)
			VPBLENDW(U8(0xaa), both, low, both)
			VMOVDQU(both, Mem{Base: to, Disp: layout.TokenPairs32 + i/2*layout.Line})
		}
		// -127s = -128s + s, and s = -(-128s)/128.
		s := YMM()
		VPSRAD(U8(7), total, s)
		VPSUBD(s, total, total)
		VMOVDQU(total, Mem{Base: to, Disp: layout.TokenAll})
	}, By(32, rows.Base), By(layout.TokenKQuantRecord, to))

	MOVQ(blocks, stride)
	SHLQ(Imm(2), stride)
	interleaveFloats("interleave256AVX2_scales", NewRows(d, stride, layout.BlockTokens),
		tokenBlock, layout.TokenD, layout.TokenKQuantRecord, blocks)
	End()
}

func interleave32() {
	Func("interleave32AVX2", "func(tokenBlock *int32, d *float32, s *float32, sums *int16, blocks int)",
		"writes the token block of eight tokens with blocks of 32; s may be nil.")
	tokenBlock, d, s, sums, blocks := Arg("tokenBlock"), Arg("d"), Arg("s"), Arg("sums"), Arg("blocks")
	stride := Copy(blocks)
	SHLQ(Imm(2), stride)
	interleaveFloats("interleave32AVX2_scales", NewRows(d, stride, layout.BlockTokens),
		Copy(tokenBlock), layout.TokenD, layout.TokenLegacyRecord, Copy(blocks))

	to := Copy(tokenBlock)
	rows := NewRows(sums, stride, layout.BlockTokens)
	Repeat("interleave32AVX2_sums", Copy(blocks), func() {
		half := [2]reg.VecVirtual{XMM(), XMM()}
		pairs := YMM()
		for row := range 8 {
			h := half[row/4]
			if row%4 == 0 {
				VMOVD(rows.At(row, 0), h)
				continue
			}
			VPINSRD(U8(row%4), rows.At(row, 0), h, h)
		}
		VINSERTI128(U8(1), half[1], half[0].AsY(), pairs)
		sum, first, _ := pairSums(pairs)
		VMOVDQU(sum, Mem{Base: to, Disp: layout.TokenS})
		VMOVDQU(first, Mem{Base: to, Disp: layout.TokenFirst})
	}, By(4, rows.Base), By(layout.TokenLegacyRecord, to))

	TESTQ(s, s)
	JZ(LabelRef("interleave32AVX2_done"))
	interleaveFloats("interleave32AVX2_scaled", NewRows(s, stride, layout.BlockTokens),
		tokenBlock, layout.TokenS, layout.TokenLegacyRecord, blocks)
	Label("interleave32AVX2_done")
	End()
}

package activation

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// EmitAVX512 generates the conversion of activations to 8-bit blocks, 256 activations at a time.
func EmitAVX512() {
	wideLoad256()
	wideLoad32()
}

// constants of rounding.
type constants struct{ most, offset, group, order, zero reg.VecVirtual }

func newConstants() constants {
	c := constants{AVX512.Load(Float(127)), AVX512.Load(Bytes(128)), AVX512.Load(Bits(16 * 128)), ZMM(), AVX512.Zero()}
	// Columns of a 4 x 4 matrix of words become its rows.
	VMOVDQU32(Table32("turn", 16, func(i int) uint32 { return uint32(i%4*4 + i/4) }), c.order)
	return c
}

// round stores 256 codes round(x) held within [-128, 127] and sets sums to their sums of 16, as int16.
func (c constants) round(x []reg.VecVirtual, codes reg.GPVirtual, sums reg.VecVirtual) {
	part := AVX512.Vectors(4) // of 64 codes; in each lane of 128 bits the sum plus 16 times 128
	for i := range part {
		q := x[4*i : 4*i+4]
		for _, v := range q {
			VMINPS(v, c.most, v) // NaN stays
			VCVTPS2DQ(v, v)
		}
		VPACKSSDW(q[1], q[0], q[0])
		VPACKSSDW(q[3], q[2], q[2])
		VPACKSSWB(q[2], q[0], q[0])
		VPERMD(q[0], c.order, q[0])
		VMOVDQU32(q[0], Mem{Base: codes, Disp: 64 * i})
		other := ZMM()
		VPXORD(c.offset, q[0], part[i])
		VPSADBW(c.zero, part[i], part[i])
		VPSHUFD(U8(0x4e), part[i], other)
		VPADDD(other, part[i], part[i])
	}
	VPUNPCKLDQ(part[1], part[0], part[0])
	VPUNPCKLDQ(part[3], part[2], part[2])
	VPUNPCKLQDQ(part[2], part[0], part[0])
	VPERMD(part[0], c.order, part[0])
	VPSUBD(c.group, part[0], part[0])
	VPMOVDW(part[0], sums)
}

func wideLoad256() {
	Func("loadQ8KAVX512", "func(codes *int8, sums16 *int16, sums32 *int16, d *float32, x *float32, blocks int) int",
		"is loadQ8K for blocks of 256 in a row, up to one with a NaN or where the largest magnitude has both signs; "+
			"it returns how many blocks are left.")
	codes, sums16, sums32, d := Arg("codes"), Arg("sums16"), Arg("sums32"), Arg("d")
	src, blocks := Arg("x"), Arg("blocks")
	c, ones := newConstants(), YMM()
	VPBROADCASTD(Words(1), ones)

	Repeat("loadQ8KAVX512_block", blocks, func() {
		x := AVX512.LoadMany(16, Mem{Base: src})
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
		JNZ(LabelRef("loadQ8KAVX512_done"))
		value, least, opposite := Fold(high[0], VMAXPS), Fold(low[0], VMINPS), XMM()
		VXORPS(Bits(0x80000000), least, opposite)
		VUCOMISS(opposite, value)
		JE(LabelRef("loadQ8KAVX512_done")) // zeros too
		k := K()
		VCMPSS(U8(1), opposite, value, k) // largest < -smallest
		VMOVSS(least, value, k, value)
		inverse, step, scale := XMM(), XMM(), ZMM()
		VMOVSS(Float(-127), inverse)
		VDIVSS(value, inverse, inverse)
		VBROADCASTSS(inverse, scale)
		VMOVSS(Float(1), step)
		VDIVSS(inverse, step, step)
		VMOVSS(step, Mem{Base: d})

		y, short := YMM(), XMM()
		for _, v := range x {
			VMULPS(scale, v, v)
		}
		c.round(x, codes, y)
		VMOVDQU(y, Mem{Base: sums16})
		VPMADDWD(ones, y, y)
		VPMOVDW(y, short)
		VMOVDQU(short, Mem{Base: sums32})
	}, By(1024, src), By(256, codes), By(32, sums16), By(16, sums32), By(4, d))
	Label("loadQ8KAVX512_done")
	VZEROUPPER()
	Store(blocks, ReturnIndex(0))
	RET()
}

func wideLoad32() {
	Func("loadQ8AVX512", "func(codes *int8, int16s *int16, sums *int16, d *float32, s *float32, x *float32, eights int)",
		"is loadQ8 for blocks of 32 in a row, eight at a time; s is nil for Q8_0, words for Q8_1.")
	inverses := AllocLocal(32)
	codes, words, sums, d, s := Arg("codes"), Arg("int16s"), Arg("sums"), Arg("d"), Arg("s")
	src, eights := Arg("x"), Arg("eights")
	c, ones, whole := newConstants(), YMM(), YMM()
	VPBROADCASTD(Words(1), ones)
	VPBROADCASTD(Float(127), whole)
	mask := AVX512.Load(Bits(0x7fffffff))

	Repeat("loadQ8AVX512_blocks", eights, func() {
		// The largest |x| of the eight blocks, side by side. Magnitudes are compared as integers, so NaN is the
		// largest.
		m := AVX512.Vectors(8)
		for i := range m {
			t := ZMM()
			VPANDD(Mem{Base: src, Disp: 128 * i}, mask, m[i])
			VPANDD(Mem{Base: src, Disp: 128*i + 64}, mask, t)
			VPMAXUD(t, m[i], m[i])
		}
		join := func(a, b reg.VecVirtual, low, high func(ops ...Op)) {
			t := ZMM()
			high(b, a, t)
			low(b, a, a)
			VPMAXUD(t, a, a)
		}
		for i := 0; i < 8; i += 2 {
			join(m[i], m[i+1], VPUNPCKLDQ, VPUNPCKHDQ)
		}
		for i := 0; i < 8; i += 4 {
			join(m[i], m[i+2], VPUNPCKLQDQ, VPUNPCKHQDQ)
		}
		quarters := func(order uint64) func(ops ...Op) {
			return func(ops ...Op) { VSHUFI32X4(U8(order), ops[0], ops[1], ops[2]) }
		}
		join(m[0], m[4], quarters(0x44), quarters(0xee))
		t := ZMM()
		VSHUFI32X4(U8(0xb1), m[0], m[0], t)
		VPMAXUD(t, m[0], m[0])
		VSHUFI32X4(U8(0x08), m[0], m[0], m[0])
		top := m[0].AsY()

		inverse, step, some := YMM(), YMM(), K()
		VPTESTMD(top, top, some)
		VDIVPS(top, whole, inverse)
		VMOVAPS_Z(inverse, some, inverse)
		VMOVUPS(inverse, inverses)
		VDIVPS(whole, top, step) // d = m/127
		half, stored := XMM(), YMM()
		VCVTPS2PH(U8(0), step, half)
		VCVTPH2PS(half, stored)
		VMOVUPS(stored, Mem{Base: d})
		x := AVX512.Vectors(16)
		for i, v := range x {
			VMOVUPS(Mem{Base: src, Disp: 64 * i}, v)
			VMULPS_BCST(inverses.Offset(4*(i/2)), v, v)
		}
		y := YMM()
		c.round(x, codes, y)
		VMOVDQU(y, Mem{Base: sums})
		TESTQ(words, words)
		JZ(LabelRef("loadQ8AVX512_sum"))
		for i := range 8 {
			w := ZMM()
			VPMOVSXBW(Mem{Base: codes, Disp: 32 * i}, w)
			VMOVDQU32(w, Mem{Base: words, Disp: 64 * i})
		}
		ADDQ(U32(512), words)
		Label("loadQ8AVX512_sum")
		TESTQ(s, s)
		JZ(LabelRef("loadQ8AVX512_next"))
		VPMADDWD(ones, y, y)
		VCVTDQ2PS(y, y)
		VMULPS(y, step, y)
		VCVTPS2PH(U8(0), y, half)
		VCVTPH2PS(half, y)
		VMOVUPS(y, Mem{Base: s})
		ADDQ(Imm(32), s)
		Label("loadQ8AVX512_next")
	}, By(1024, src), By(256, codes), By(32, sums, d))
	End()
}

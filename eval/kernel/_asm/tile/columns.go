package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// EmitColumns generates the rounding of columns of activations to 8-bit codes, and the sums of their products over
// tokens, for AVX-512 with VNNI: see package layout.
func EmitColumns() {
	loadColumns()
	multiplyColumns()
}

// stepTokens are the tokens of one VPDPBUSD.
const stepTokens = 4

func loadColumns() {
	Func("loadColumnsAVX512", "func(record *byte, x *float32, stride int)",
		"makes a record of sixteen columns of x; stride is bytes from one token to the next.")
	record, x, stride := Arg("record"), Arg("x"), Arg("stride")
	rows, from := NewRows(GP64(), stride, stepTokens), x
	next := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, next)
	ADDQ(stride, next)

	// The largest |x|. Magnitudes are compared as integers, so NaN is the largest.
	MOVQ(from, rows.Base)
	mask, top := AVX512.Load(Bits(0x7fffffff)), AVX512.Zeros(stepTokens)
	count := Copy(U32(layout.ColumnTokens / stepTokens))
	Repeat("loadColumnsAVX512_top", count, func() {
		for i := range top {
			t := ZMM()
			VPANDD(rows.At(i, 0), mask, t)
			VPMAXUD(t, top[i], top[i])
		}
		ADDQ(next, rows.Base)
	})
	for n := stepTokens / 2; n > 0; n /= 2 {
		for i := range n {
			VPMAXUD(top[n+i], top[i], top[i])
		}
	}
	whole, inverse, some := AVX512.Load(Float(127)), ZMM(), K()
	VDIVPS(whole, top[0], inverse)
	VMOVUPS(inverse, Mem{Base: record, Disp: layout.ColumnD})
	VCMPPS(Greater, AVX512.Load(Float(layout.ColumnTiny)), top[0], some)
	VDIVPS(top[0], whole, inverse)
	VMOVAPS_Z(inverse, some, inverse)

	MOVQ(from, rows.Base)
	sums, ones := AVX512.Zero(), AVX512.Load(Bytes(1))
	turn := ZMM() // bytes [4 tokens][4 columns] to [4 columns][4 tokens], in each lane of 128 bits
	VMOVDQU32(Table("columnTurn", 64, func(i int) byte { return byte(i%4*4 + i/4%4) }), turn)
	to := Copy(record)
	MOVQ(U32(layout.ColumnTokens/stepTokens), count)
	Repeat("loadColumnsAVX512_codes", count, func() {
		q := AVX512.Vectors(stepTokens)
		for i, v := range q {
			VMULPS(rows.At(i, 0), inverse, v)
			VCVTPS2DQ(v, v)
		}
		VPACKSSDW(q[1], q[0], q[0])
		VPACKSSDW(q[3], q[2], q[2])
		VPACKSSWB(q[2], q[0], q[0])
		VPSHUFB(turn, q[0], q[0])
		VMOVDQU32(q[0], Mem{Base: to})
		VPDPBUSD(q[0], ones, sums)
		ADDQ(next, rows.Base)
	}, By(layout.Vector, to))
	zero := AVX512.Zero()
	VPSLLD(U8(7), sums, sums)
	VPSUBD(sums, zero, sums)
	VMOVDQU32(sums, Mem{Base: record, Disp: layout.ColumnSums})
	End()
}

// multiplyColumns sums in integers inside a record: codes of b, made unsigned by adding 128, times codes of a column of
// a, broadcast from memory. -128 times the sum of these is where the sum begins.
func multiplyColumns() {
	Func("multiplyColumnsAVX512", "func(c *float32, a *byte, b *byte, records int)",
		"adds to c[i][0:16] the products of column i of a with the columns of b, summed over tokens.")
	c, a, b, records := Arg("c"), Arg("a"), Arg("b"), Arg("records")
	full := AVX512.Load(Bytes(layout.Full))
	Repeat("multiplyColumnsAVX512_record", records, func() {
		acc := AVX512.Vectors(layout.Lanes)
		for i := range acc {
			VPBROADCASTD(Mem{Base: a, Disp: layout.ColumnSums + 4*i}, acc[i])
		}
		const unroll = 4
		x, y, steps := Copy(a), Copy(b), Copy(U32(layout.ColumnTokens/stepTokens/unroll))
		Repeat("multiplyColumnsAVX512_step", steps, func() {
			for s := range unroll {
				w := ZMM()
				VPXORD(Mem{Base: y, Disp: s * layout.Vector}, full, w)
				for i := range acc {
					VPDPBUSD_BCST(Mem{Base: x, Disp: s*layout.Vector + 4*i}, w, acc[i])
				}
			}
		}, By(unroll*layout.Vector, x, y))
		d := AVX512.Load(Mem{Base: b, Disp: layout.ColumnD})
		for i, v := range acc {
			VCVTDQ2PS(v, v)
			VMULPS_BCST(Mem{Base: a, Disp: layout.ColumnD + 4*i}, v, v)
			VMULPS(d, v, v)
			VADDPS(Mem{Base: c, Disp: i * layout.Vector}, v, v)
			VMOVUPS(v, Mem{Base: c, Disp: i * layout.Vector})
		}
	}, By(layout.ColumnRecord, a, b))
	End()
}

package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// EmitFloatAVX2 generates the AVX2 product of float tiles, the transposition to tiles of all kinds, and the widening of
// 16-bit floats and 8-bit codes before it.
func EmitFloatAVX2() {
	float("tileFloatAVX2", AVX2, 6, 4, 2, 1)
	transpose8()
	widen("floatsF16AVX2", "16-bit float", func(src Mem, y reg.VecVirtual) { VCVTPH2PS(src, y) })
	widen("floatsBF16AVX2", "bfloat16", func(src Mem, y reg.VecVirtual) {
		VPMOVZXWD(src, y)
		VPSLLD(U8(16), y, y)
	})
	wordsQ8()
}

// transpose8 turns eight rows of 32-bit words into columns, eight by eight.
func transpose8() {
	Func("transpose8AVX2", "func(dst *uint32, chunk int, src *uint32, stride int, chunks int)",
		"transposes 8 x 8 words: word [r][j] of chunk c, at src + r*stride + 32*c bytes, goes to "+
			"dst + c*chunk + 64*j + 4*r bytes, the place of lane r in column j of a tile.")
	dst, chunk, src, stride, count := Arg("dst"), Arg("chunk"), Arg("src"), Arg("stride"), Arg("chunks")
	rows := NewRows(src, stride, 8)
	Repeat("transpose_chunk", count, func() {
		for j, column := range rows.Columns() {
			VMOVDQU(column, Mem{Base: dst, Disp: 64 * j})
		}
		rows.Advance(32)
		ADDQ(chunk, dst)
	})
	End()
}

// widen emits the conversion of 16-bit floats.
func widen(name, what string, convert func(Mem, reg.VecVirtual)) {
	Func(name, "func(dst *float32, src *byte, n int)",
		"sets dst[i] to the value of the "+what+" src[i]; n is a multiple of 8.")
	dst, src, n := Arg("dst"), Arg("src"), Arg("n")
	Label(name + "_loop")
	SUBQ(Imm(8), n)
	JL(LabelRef(name + "_done"))
	y := YMM()
	convert(Mem{Base: src}, y)
	VMOVUPS(y, Mem{Base: dst})
	ADDQ(Imm(16), src)
	ADDQ(Imm(32), dst)
	JMP(LabelRef(name + "_loop"))
	Label(name + "_done")
	End()
}

// wordsQ8 widens the codes of Q8_0 blocks: 2 bytes of scale, 32 signed codes.
func wordsQ8() {
	Func("int16sQ8AVX2", "func(dst *int16, src *byte, blocks int)", "sets dst to the 32 codes of each Q8_0 block in src.")
	dst, src, n := Arg("dst"), Arg("src"), Arg("blocks")
	Repeat("int16sQ8AVX2_loop", n, func() {
		for i := range 2 {
			y := YMM()
			VPMOVSXBW(Mem{Base: src, Disp: 2 + 16*i}, y)
			VMOVDQU(y, Mem{Base: dst, Disp: 32 * i})
		}
	}, By(34, src), By(64, dst))
	End()
}

// transpose16 turns sixteen rows of bytes into the order of a tile.
func transpose16() {
	Func("transpose16AVX512", "func(dst *byte, half int, src *byte, stride int, chunks int, add uint32)",
		"transposes 16 x 16 words of 32 bits: word [r][j] of chunk c, at src + r*stride + 64*c bytes, goes to "+
			"dst + (2*c + j/8)*half + 64*(j%8) + 4*r bytes, add added to its bytes.")
	dst, half, src, stride, count := Arg("dst"), Arg("half"), Arg("src"), Arg("stride"), Arg("chunks")
	top, bottom := NewRows(src, stride, 8), GP64()
	add := AVX512.IntArg("add")
	LEAQ(Mem{Base: src, Index: stride, Scale: 8}, bottom)
	Repeat("transpose16AVX512_chunk", count, func() {
		in := AVX512.Vectors(16)
		for r := range 8 {
			VPADDB(top.At(r, 0), add, in[r])
			VPADDB(top.From(bottom).At(r, 0), add, in[r+8])
		}
		for j, v := range Transpose16(in) {
			m := Mem{Base: dst, Disp: layout.Vector * (j % 8)}
			if j >= 8 {
				m.Index, m.Scale = half, 1
			}
			VMOVDQU32(v, m)
		}
		ADDQ(U32(64), src)
		ADDQ(U32(64), bottom)
		LEAQ(Mem{Base: dst, Index: half, Scale: 2}, dst)
	})
	End()
}

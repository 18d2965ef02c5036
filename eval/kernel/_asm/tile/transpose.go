// Command float generates the AVX2 product of float tiles, the transposition that makes tiles of all kinds, and what
// widens 16-bit floats and 8-bit codes before it.
package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/gemm"
	"bitmill/eval/kernel/_asm/machine"
)

func FloatAVX2() {
	gemm.Product("tileFloat", false, 6, 4, 2, 1)
	transpose()
	widen("floatsF16", "floatsF16 sets dst[i] to the value of the 16-bit float src[i]; n is a multiple of 8.", func(src Mem, y reg.VecVirtual) {
		VCVTPH2PS(src, y)
	})
	widen("floatsBF16", "floatsBF16 sets dst[i] to the value of the bfloat16 src[i]; n is a multiple of 8.", func(src Mem, y reg.VecVirtual) {
		VPMOVZXWD(src, y)
		VPSLLD(U8(16), y, y)
	})
	bytes()
}

// transpose turns eight rows of 32-bit words into columns, eight by eight.
func transpose() {
	machine.Kernel("transpose8", "func(dst *uint32, chunk int, src *uint32, stride int, chunks int)",
		"transpose8 transposes 8 x 8 words: word [r][j] of chunk c, at src + r*stride + 32*c bytes, goes to "+
			"dst + c*chunk + 64*j + 4*r bytes, the place of lane r in column j of a tile.")
	dst, chunk, src, stride, count := machine.Arg("dst"), machine.Arg("chunk"), machine.Arg("src"), machine.Arg("stride"), machine.Arg("chunks")
	low := machine.NewFourRows(src, stride)
	high := GP64()
	LEAQ(Mem{Base: src, Index: stride, Scale: 4}, high)
	top := machine.NewFourRows(high, stride)
	Label("transpose_chunk")
	in := machine.Vectors(8)
	for r := range 4 {
		VMOVDQU(low.At(r, 0), in[r])
		VMOVDQU(top.At(r, 0), in[r+4])
	}
	for j, column := range machine.Turn8(in) {
		VMOVDQU(column, Mem{Base: dst, Disp: 64 * j})
	}
	low.Advance(32)
	top.Advance(32)
	ADDQ(chunk, dst)
	DECQ(count)
	JNZ(LabelRef("transpose_chunk"))
	VZEROUPPER()
	RET()
}

func widen(name, doc string, convert func(Mem, reg.VecVirtual)) {
	machine.Kernel(name, "func(dst *float32, src *byte, n int)", doc)
	dst, src, n := machine.Arg("dst"), machine.Arg("src"), machine.Arg("n")
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
	VZEROUPPER()
	RET()
}

// bytes widens the codes of Q8_0 blocks: 2 bytes of scale, 32 signed codes.
func bytes() {
	machine.Kernel("wordsQ8", "func(dst *int16, src *byte, blocks int)", "wordsQ8 sets dst to the 32 codes of each Q8_0 block in src.")
	dst, src, n := machine.Arg("dst"), machine.Arg("src"), machine.Arg("blocks")
	Label("wordsQ8_loop")
	for i := range 2 {
		y := YMM()
		VPMOVSXBW(Mem{Base: src, Disp: 2 + 16*i}, y)
		VMOVDQU(y, Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(Imm(34), src)
	ADDQ(Imm(64), dst)
	DECQ(n)
	JNZ(LabelRef("wordsQ8_loop"))
	VZEROUPPER()
	RET()
}

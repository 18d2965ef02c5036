package tile

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11,
	reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
}

// EmitBF16 generates the products of bfloat16 tiles, and of repacked rows, which lie as tiles, with bfloat16
// activations for AVX-512 with the BF16 subset.
//
// A tile is sixteen weight rows in the order [k/2][row][2], in records of 32 columns. VDPBF16PS adds two exact products
// to a float32 sum, one after the other, and takes subnormal numbers as zero.
func EmitBF16() {
	tilesBF16()
	repackedBF16()
}

// columnsBF16 are the columns of a record.
const columnsBF16 = 32

func tilesBF16() {
	Func("fullBF16AVX512", "func(dst *float32, stride int, tile *byte, tileBytes int, tiles int, blocks int, "+
		"codes *uint16, codeStride int)",
		"multiplies tiles with eight tokens, in blocks of 32 columns. tileBytes, stride and codeStride are bytes from one "+
			"tile, one token's products and one token to the next.")
	record, codes, blocks := reg.RAX, reg.RBX, reg.R8
	even, odd, w := zmm[:8], zmm[8:16], zmm[16:]
	Label("bf16_tile")
	Load(Param("tile"), record)
	Load(Param("codes"), codes)
	Load(Param("blocks"), blocks)
	Load(Param("codeStride"), reg.RCX)
	rows := RowsIn(codes, reg.RCX, reg.RDX, reg.RSI, reg.RDI)
	for _, v := range zmm[:16] {
		Clear(v)
	}
	Repeat("bf16_block", blocks, func() {
		for s := range columnsBF16 / 2 {
			VMOVDQU32(Mem{Base: record, Disp: s * layout.Vector}, w[s%8])
			for t := range layout.BlockTokens {
				acc := even
				if s%2 == 1 {
					acc = odd
				}
				DotBF16(rows.At(t, 4*s), w[s%8], acc[t])
			}
		}
		ADDQ(U32(columnsBF16/2*layout.Vector), record)
		ADDQ(U32(2*columnsBF16), codes)
	})
	dst, next := record, codes
	Load(Param("dst"), dst)
	Load(Param("stride"), reg.RCX)
	rows = RowsIn(dst, reg.RCX, reg.RDX, reg.RSI, reg.RDI)
	for t := range layout.BlockTokens {
		VADDPS(odd[t], even[t], even[t])
		VMOVUPS(even[t], rows.At(t, 0))
	}
	ADDQ(U32(layout.Vector), dst)
	Store(dst, Param("dst"))
	Load(Param("tile"), dst)
	Load(Param("tileBytes"), next)
	ADDQ(next, dst)
	Store(dst, Param("tile"))
	Load(Param("tiles"), next)
	DECQ(next)
	Store(next, Param("tiles"))
	JNZ(LabelRef("bf16_tile"))
	End()
}

// repackedBF16 emits the product of tiles that follow each other with one token.
func repackedBF16() {
	Func("repackedBF16AVX512", "func(dst *float32, w *byte, sixteens, blocks int, codes *uint16)",
		"multiplies repacked rows with one token, in blocks of 32 columns.")
	dst, w, left, codes, blocks := reg.RAX, reg.RBX, reg.RCX, reg.RDX, reg.R8
	Load(Param("dst"), dst)
	Load(Param("w"), w)
	Load(Param("sixteens"), left)
	acc := zmm[:8]
	Repeat("repacked_bf16", left, func() {
		Load(Param("codes"), codes)
		Load(Param("blocks"), blocks)
		for _, v := range acc {
			Clear(v)
		}
		Repeat("repacked_bf16_block", blocks, func() {
			for s := range columnsBF16 / 2 {
				v := zmm[8+s]
				VMOVDQU32(Mem{Base: w, Disp: s * layout.Vector}, v)
				DotBF16(Mem{Base: codes, Disp: 4 * s}, v, acc[s%len(acc)])
			}
			ADDQ(U32(columnsBF16/2*layout.Vector), w)
			ADDQ(U32(2*columnsBF16), codes)
		})
		for n := len(acc) / 2; n > 0; n /= 2 {
			for i := range n {
				VADDPS(acc[n+i], acc[i], acc[i])
			}
		}
		VMOVUPS(acc[0], Mem{Base: dst})
		ADDQ(U32(layout.Vector), dst)
	})
	End()
}

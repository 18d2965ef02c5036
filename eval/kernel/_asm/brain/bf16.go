// Command brain generates the products of bfloat16 tiles, and of strips, which are such tiles, with bfloat16 activations
// for AVX-512 with the BF16 subset.
//
// A tile is sixteen weight rows in the order [k/2][row][2], in records of 32 columns. VDPBF16PS adds two exact products
// to a float32 sum, one after the other, and takes subnormal numbers as zero.
package brain

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

const (
	columns = 32
	tokens  = 8
	vector  = 64
)

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11,
	reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
}

func Emit() {
	machine.Kernel("wideBF16", "func(dst *float32, stride int, tile *byte, tileBytes int, tiles int, blocks int, codes *uint16, codeStride int)",
		"wideBF16 multiplies tiles with eight tokens, in blocks of 32 columns. tileBytes, stride and codeStride are bytes from one "+
			"tile, one token's products and one token to the next.")
	record, codes, blocks := reg.RAX, reg.RBX, reg.R8
	even, odd, w := zmm[:8], zmm[8:16], zmm[16:]
	Label("bf16_tile")
	Load(Param("tile"), record)
	Load(Param("codes"), codes)
	Load(Param("blocks"), blocks)
	multiples("codeStride")
	for _, v := range zmm[:16] {
		VPXORD(v, v, v)
	}
	Label("bf16_block")
	for s := range columns / 2 {
		VMOVDQU32(Mem{Base: record, Disp: s * vector}, w[s%8])
		for t := range tokens {
			acc := even
			if s%2 == 1 {
				acc = odd
			}
			machine.DotBF16(row(codes, t, 4*s), w[s%8], acc[t])
		}
	}
	ADDQ(U32(columns/2*vector), record)
	ADDQ(U32(2*columns), codes)
	DECQ(blocks)
	JNZ(LabelRef("bf16_block"))
	dst, next := record, codes
	Load(Param("dst"), dst)
	multiples("stride")
	for t := range tokens {
		VADDPS(odd[t], even[t], even[t])
		VMOVUPS(even[t], row(dst, t, 0))
	}
	ADDQ(U32(vector), dst)
	Store(dst, Param("dst"))
	Load(Param("tile"), dst)
	Load(Param("tileBytes"), next)
	ADDQ(next, dst)
	Store(dst, Param("tile"))
	Load(Param("tiles"), next)
	DECQ(next)
	Store(next, Param("tiles"))
	JNZ(LabelRef("bf16_tile"))
	VZEROUPPER()
	RET()
	strips()
}

// strips emits the product of tiles that follow each other with one token.
func strips() {
	machine.Kernel("stripBF16", "func(dst *float32, w *byte, strips, blocks int, codes *uint16)",
		"stripBF16 multiplies strips with one token, in blocks of 32 columns.")
	dst, w, left, codes, blocks := reg.RAX, reg.RBX, reg.RCX, reg.RDX, reg.R8
	Load(Param("dst"), dst)
	Load(Param("w"), w)
	Load(Param("strips"), left)
	acc := zmm[:8]
	Label("strip_bf16")
	Load(Param("codes"), codes)
	Load(Param("blocks"), blocks)
	for _, v := range acc {
		VPXORD(v, v, v)
	}
	Label("strip_bf16_block")
	for s := range columns / 2 {
		v := zmm[8+s]
		VMOVDQU32(Mem{Base: w, Disp: s * vector}, v)
		machine.DotBF16(Mem{Base: codes, Disp: 4 * s}, v, acc[s%len(acc)])
	}
	ADDQ(U32(columns/2*vector), w)
	ADDQ(U32(2*columns), codes)
	DECQ(blocks)
	JNZ(LabelRef("strip_bf16_block"))
	for n := len(acc) / 2; n > 0; n /= 2 {
		for i := range n {
			VADDPS(acc[n+i], acc[i], acc[i])
		}
	}
	VMOVUPS(acc[0], Mem{Base: dst})
	ADDQ(U32(vector), dst)
	DECQ(left)
	JNZ(LabelRef("strip_bf16"))
	VZEROUPPER()
	RET()
}

var one, three, five, seven = reg.RCX, reg.RDX, reg.RSI, reg.RDI

// multiples loads a distance and its multiples.
func multiples(param string) {
	Load(Param(param), one)
	LEAQ(Mem{Base: one, Index: one, Scale: 2}, three)
	LEAQ(Mem{Base: one, Index: one, Scale: 4}, five)
	LEAQ(Mem{Base: three, Index: one, Scale: 4}, seven)
}

// row addresses token t.
func row(base reg.GPPhysical, t, disp int) Mem {
	m := Mem{Base: base, Disp: disp}
	switch t {
	case 1, 2, 4:
		m.Index, m.Scale = one, uint8(t)
	case 3, 6:
		m.Index, m.Scale = three, uint8(t/3)
	case 5:
		m.Index, m.Scale = five, 1
	case 7:
		m.Index, m.Scale = seven, 1
	}
	return m
}

package row

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// Block64AVX2 are the types with few values for AVX2; see formats/block for their layouts.
var Block64AVX2 = []Block64{
	{Name: "Q1", bytes: 18, vectors: 4, times: 2, start: func(f *block64) {
		f.k[0] = f.Load(Table("row_spread", 32, func(i int) byte { return byte(i / 8) }))
		f.k[1] = f.Load(Table("row_select", 32, func(i int) byte { return 1 << (i % 8) }))
		f.k[2] = f.Load(Bytes(1))
	}, scale: half16, codes: func(f *block64, c int) reg.VecVirtual {
		v := YMM()
		VPBROADCASTD(Mem{Base: f.w, Disp: 2 + 4*c}, v)
		VPSHUFB(f.k[0], v, v)
		VPAND(f.k[1], v, v)
		VPMINUB(f.k[2], v, v)
		return v
	}},
	// Each half of a byte holds two of its four codes. A mask leaves one of them, 0 1 2 3 or 0 4 8 12, which is looked
	// up.
	{Name: "Q2", bytes: 18, vectors: 2, times: 1, start: func(f *block64) {
		f.k[0] = f.Load(Table64("row_nibbles64", 8, func(q int) uint64 { return uint64(4 * (q % 2)) }))
		f.k[1] = f.Load(Table("row_fourth", 32, func(i int) byte { return byte(i/4 + i%4/2*8) }))
		f.k[2] = f.Load(Table("row_level", 32, func(i int) byte {
			if i %= 16; i > 3 {
				return byte(i / 4)
			}
			return byte(i)
		}))
	}, scale: half16, codes: func(f *block64, c int) reg.VecVirtual {
		v := YMM()
		VPBROADCASTQ(Mem{Base: f.w, Disp: 2 + 8*c}, v)
		VPSRLVQ(f.k[0], v, v)
		VPSHUFB(f.k[1], v, v)
		VPAND(Table("row_own", 32, func(i int) byte { return 3 << (i % 2 * 2) }), v, v)
		VPSHUFB(v, f.k[2], v)
		return v
	}},
	{Name: "NVFP4", bytes: 36, vectors: 2, times: 1, start: func(f *block64) {
		f.powers = GP64()
		LEAQ(Variable("scalesUE4M3"), f.powers)
		f.k[0] = YMM()
		VBROADCASTI128(Variable("float4"), f.k[0])
		VPADDB(Bytes(layout.OffsetFloat4), f.k[0], f.k[0])
		f.k[1] = f.Load(Table64("row_nibbles64", 8, func(q int) uint64 { return uint64(4 * (q % 2)) }))
		f.k[2] = f.Load(Bytes(15))
	}, scale: func(f *block64, c int) reg.VecVirtual {
		scale := AVX2.Vectors(2)
		for h, v := range scale {
			e := GP64()
			MOVBQZX(Mem{Base: f.w, Disp: 2*c + h}, e)
			VBROADCASTSS(Mem{Base: f.powers, Index: e, Scale: 4}, v)
		}
		VBLENDPS(U8(0xf0), scale[1], scale[0], scale[0])
		return scale[0]
	}, codes: func(f *block64, c int) reg.VecVirtual {
		v := YMM()
		VMOVDQU(Mem{Base: f.w, Disp: 4 + 16*c}, v.AsX())
		VPERMQ(U8(0x50), v, v)
		VPSRLVQ(f.k[1], v, v)
		VPAND(f.k[2], v, v)
		VPSHUFB(v, f.k[0], v)
		return v
	}},
}

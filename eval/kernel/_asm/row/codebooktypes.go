package row

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// Codebooks are the types of this kind. Except for IQ4_XS they serve AVX-512 too, where gathering entries would take
// longer; see formats/block for their layouts.
var Codebooks = []Codebook{
	{Name: "IQ2XXS", bytes: 66, group: 32, offset: layout.OffsetIQ2, start: startSigned, block: func(f *codebook) {
		a, v, scale := YMM(), YMM(), YMM()
		VMOVDQU(f.at(2), a)
		VSHUFPS(U8(0xdd), f.at(34), a, v) // the upper halves of eight words of 64 bits
		VPERMQ(U8(0xd8), v, v)
		VPSRLD(U8(28), v, scale)
		f.eight(f.odd(scale, Bits(1)))
		f.sevenBits(v)
	}, codes: func(f *codebook, j int) reg.VecVirtual { return f.signed(f.entries8(f.bytes(2+8*j, 4), 8), j) }},
	{Name: "IQ2XS", bytes: 74, group: 16, offset: layout.OffsetIQ2, start: startSigned, block: func(f *codebook) {
		f.halves(66)
		var signs [2]reg.VecVirtual
		for h := range signs {
			v := AVX2.Load(f.at(2 + 32*h))
			VPSRLW(U8(9), v, v)
			signs[h] = v
		}
		VPACKUSWB(signs[1], signs[0], signs[0])
		VPERMQ(U8(0xd8), signs[0], signs[0])
		f.evened(signs[0])
	}, codes: func(f *codebook, j int) reg.VecVirtual {
		return f.signed(f.entries8(f.words(j, func(h int) reg.VecVirtual {
			v := AVX2.Load(f.at(2 + 32*h))
			VPAND(Words(511), v, v)
			return v
		}), 8), j)
	}},
	{Name: "IQ2S", bytes: 82, group: 16, offset: layout.OffsetIQ2, start: startSigned, block: func(f *codebook) {
		f.halves(74)
		f.signBytes(34)
	}, codes: func(f *codebook, j int) reg.VecVirtual {
		return f.signed(f.entries8(f.words(j, func(h int) reg.VecVirtual {
			return f.indices(2+16*h, f.at(66+4*h), 4, 4, func(i int) int { return 8 - 2*(i%4) }, 0x300)
		}), 8), j)
	}},
	{Name: "IQ3XXS", bytes: 98, group: 32, offset: layout.OffsetIQ3_XXS, start: startSigned, block: func(f *codebook) {
		v, scale := YMM(), YMM()
		VMOVDQU(f.at(66), v)
		VPSRLD(U8(28), v, scale)
		f.eight(f.odd(scale, Bits(1)))
		f.sevenBits(v)
	}, codes: func(f *codebook, j int) reg.VecVirtual { return f.signed(f.entries4(f.bytes(2+8*j, 8)), j) }},
	{Name: "IQ3S", bytes: 110, group: 32, offset: layout.OffsetIQ3_S, start: startSigned, block: func(f *codebook) {
		v, h := XMM(), XMM()
		VPMOVZXBD(f.at(106), v)
		VPSLLD(U8(12), v, h)
		VPOR(h, v, v)
		VPAND(Words(15), v, v)
		VPADDW(v, v, v)
		VPOR(Words(1), v, v)
		scale := YMM()
		VPERMQ(U8(0x44), v.AsY(), scale)
		f.scales = []reg.VecVirtual{scale}
		f.signBytes(74)
	}, codes: func(f *codebook, j int) reg.VecVirtual {
		sixteen := func(h int) reg.VecVirtual {
			return f.indices(2+16*h, f.at(66+2*h), 2, 8, func(i int) int { return 8 - i%8 }, 0x100)
		}
		return f.signed(f.entries4(func(yield func(reg.GPVirtual) bool) {
			f.words(2*j, sixteen)(yield)
			f.words(2*j+1, sixteen)(yield)
		}), j)
	}},
	{Name: "IQ1S", bytes: 50, group: 32, offset: layout.OffsetIQ1, start: none, block: func(f *codebook) {
		v := YMM()
		VBROADCASTI128(f.at(34), v)
		VPSRLW(U8(12), v, v)
		VPAND(Words(7), v, v)
		f.scales = []reg.VecVirtual{f.odd(v, Words(1))}
	}, codes: func(f *codebook, j int) reg.VecVirtual {
		v := f.entries8(f.words(j, func(h int) reg.VecVirtual { // twice the indices: the bits of words move left only
			x, t, shift := YMM(), YMM(), YMM()
			VPBROADCASTQ(f.at(34+8*h), t)
			VPSHUFB(Table("row_words4", 32, func(i int) byte { return byte(2*(i/8) + i%2) }), t, t)
			VPSRLW(U8(3), t, shift)
			VPAND(Words(0x1000), shift, shift)
			VPMULLW(Table16("row_leftIQ1S", 16, func(i int) uint16 { return 1 << (9 - 3*(i%4)) }), t, t)
			VPAND(Words(0xe00), t, t)
			VPMOVZXBW(f.at(2+16*h), x)
			VPADDW(x, x, x)
			VPOR(t, x, x)
			VPOR(shift, x, x)
			return x
		}), 4)
		VPADDB(f.above, v, v)
		return v
	}},
	{Name: "IQ1M", bytes: 56, group: 16, offset: layout.OffsetIQ1, d: -1, start: none, block: func(f *codebook) {
		v := YMM()
		VPBROADCASTQ(f.at(48), v)
		VPSHUFB(Table("row_words4", 32, func(i int) byte { return byte(2*(i/8) + i%2) }), v, v)
		VPMULLW(Table16("row_left1m", 16, func(i int) uint16 { return 1 << (9 - 3*(i%4)) }), v, v)
		VPSRLW(U8(9), v, v)
		VPAND(Words(7), v, v)
		f.sixteen(f.odd(v, Words(1)))
	}, codes: func(f *codebook, j int) reg.VecVirtual {
		v := f.entries8(f.words(j, func(h int) reg.VecVirtual {
			return f.indices(16*h, f.at(32+8*h), 8, 2, func(i int) int { return 8 - 4*(i%2) }, 0xf00)
		}), 8)
		VPADDB(f.above, v, v)
		return v
	}},
	{Name: "IQ4XS", bytes: 136, group: 32, start: func(f *codebook) {
		f.nibble = f.Load(Bytes(15))
		f.bit = f.Load(Table("row_nibbles", 32, func(i int) byte { return byte(i / 16 * 4 * (1 - min(1, i%8))) }))
		f.values = YMM()
		VBROADCASTI128(Variable("nonlinear4"), f.values)
	}, block: func(f *codebook) { f.eight(iq4xsScales(f.w)) }, codes: func(f *codebook, j int) reg.VecVirtual {
		v := YMM()
		VBROADCASTI128(f.at(8+16*j), v)
		VPSRLVQ(f.bit, v, v)
		VPAND(f.nibble, v, v)
		VPSHUFB(v, f.values, v)
		return v
	}},
	{Name: "TQ1", bytes: 54, d: 52, offset: layout.OffsetTernary, start: startTrits, block: none, codes: trits},
	{Name: "TQ2", bytes: 66, d: 64, offset: layout.OffsetTernary, start: func(f *codebook) { f.nibble = f.Load(Bytes(3)) },
		block: func(f *codebook) {
			f.loaded = f.loaded[:0]
			for h := range 2 {
				v := AVX2.Load(f.at(32 * h))
				f.loaded = append(f.loaded, v)
			}
		}, codes: func(f *codebook, j int) reg.VecVirtual {
			v, from := YMM(), f.loaded[j/4]
			if j%4 > 0 {
				VPSRLW(U8(pairs(j)), from, v)
				from = v
			}
			VPAND(f.nibble, from, v)
			return v
		}},
}

// none is nothing to load or to prepare.
func none(*codebook) {}

// startSigned loads the constants of signs.
func startSigned(f *codebook) {
	f.nibble = f.Load(Bytes(15))
	f.bit = f.Load(Table("row_select", 32, func(i int) byte { return 1 << (i % 8) }))
}

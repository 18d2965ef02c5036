package row

import (
	"fmt"
	"iter"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// both returns each half of v in both halves of a vector.
func both(v reg.VecVirtual) []reg.VecVirtual {
	h := AVX2.Vectors(2)
	VPERMQ(U8(0x44), v, h[0])
	VPERMQ(U8(0xee), v, h[1])
	return h
}

// odd returns 2s+1 for words or dwords.
func (f *codebook) odd(v reg.VecVirtual, one Mem) reg.VecVirtual {
	VPADDD(v, v, v)
	VPOR(one, v, v)
	return v
}

// eight takes the scales of groups of 32 from eight dwords.
func (f *codebook) eight(v reg.VecVirtual) {
	VPACKSSDW(v, v, v)
	VPERMQ(U8(0x88), v, v)
	f.scales = []reg.VecVirtual{v}
}

// sixteen takes the scales of groups of 16 from sixteen words.
func (f *codebook) sixteen(v reg.VecVirtual) { f.scales = append(both(v), v) }

// halves takes scales 2s+1 of groups of 16 from the halves of eight bytes.
func (f *codebook) halves(at int) {
	v, h := YMM(), YMM()
	VPMOVZXBD(f.at(at), v)
	VPSLLD(U8(12), v, h)
	VPOR(h, v, v)
	VPAND(Words(15), v, v)
	f.sixteen(f.odd(v, Words(1)))
}

// evened adds the eighth sign to the seven lowest bits of each byte, whose bit 7 is not set: the number of negative
// signs is even.
func (f *codebook) evened(v reg.VecVirtual) {
	odd := Table("row_odd", 32, func(i int) byte {
		i %= 16
		return byte(i^i>>1^i>>2^i>>3) & 1 << 7
	})
	half, table := YMM(), YMM()
	VPSRLW(U8(4), v, half)
	VPXOR(v, half, half)
	VPAND(f.nibble, half, half)
	VMOVDQU(odd, table)
	VPSHUFB(half, table, half)
	VPOR(half, v, v)
	f.signs = both(v)
}

// sevenBits takes signs from the lowest 28 bits of dwords, seven to a byte.
func (f *codebook) sevenBits(v reg.VecVirtual) {
	for _, step := range []struct {
		shift     uint8
		low, high uint32
	}{{2, 0x3fff, 0x3fff << 16}, {1, 0x7f007f, 0x7f007f00}} {
		low, high := YMM(), YMM()
		VPAND(Bits(step.low), v, low)
		VPSLLD(U8(step.shift), v, high)
		VPAND(Bits(step.high), high, high)
		VPOR(high, low, low)
		v = low
	}
	f.evened(v)
}

// signBytes takes 32 bytes of signs as they are.
func (f *codebook) signBytes(at int) {
	f.signs = AVX2.Vectors(2)
	for i, v := range f.signs {
		VBROADCASTI128(f.at(at+16*i), v)
	}
}

// indices returns sixteen words: the bytes from low on, and above them bits of the bytes at high, those of byte i/per
// for word i, moved left by left(i) and cut out by mask.
func (f *codebook) indices(low int, high Mem, bytes, per int, left func(i int) int, mask uint16) reg.VecVirtual {
	x, t := YMM(), YMM()
	VPMOVZXBW(f.at(low), x)
	switch bytes {
	case 2:
		VPBROADCASTW(high, t)
	case 4:
		VPBROADCASTD(high, t)
	case 8:
		VPBROADCASTQ(high, t)
	}
	VPSHUFB(Table(fmt.Sprintf("row_each%d", per), 32, func(i int) byte {
		return byte(i/2/per | i%2<<7) // bit 7: zero
	}), t, t)
	VPMULLW(Table16("row_left"+f.Codebook.Name, 16, func(i int) uint16 { return 1 << left(i) }), t, t)
	VPAND(Words(mask), t, t)
	VPOR(t, x, x)
	return x
}

// apart yields the n numbers of 8 or 16 bits in r. Indices are taken apart in registers, because loads are the
// bottleneck.
func apart(r reg.GPVirtual, n, bits int) iter.Seq[reg.GPVirtual] {
	return func(yield func(i reg.GPVirtual) bool) {
		for range n - 1 {
			i := GP64()
			if bits == 8 {
				MOVBQZX(r.As8(), i)
			} else {
				MOVWQZX(r.As16(), i)
			}
			yield(i)
			SHRQ(U8(uint8(bits)), r)
		}
		yield(r)
	}
}

// words yields indices 4g to 4g+3; sixteen returns those from 16h on.
func (f *codebook) words(g int, sixteen func(h int) reg.VecVirtual) iter.Seq[reg.GPVirtual] {
	switch g % 4 {
	case 0:
		f.index = sixteen(g / 4)
	case 2:
		high := XMM()
		VEXTRACTI128(U8(1), f.index, high)
		f.index = high
	}
	r := GP64()
	if g%2 == 0 {
		VMOVQ(f.index.AsX(), r)
	} else {
		VPEXTRQ(U8(1), f.index.AsX(), r)
	}
	return apart(r, 4, 16)
}

// bytes yields n indices, four or eight, of a byte each.
func (f *codebook) bytes(at, n int) iter.Seq[reg.GPVirtual] {
	r := GP64()
	if n == 4 {
		MOVL(f.at(at), r.As32())
	} else {
		MOVQ(f.at(at), r)
	}
	return apart(r, n, 8)
}

// entries8 looks up four entries of eight bytes one by one: a gather takes longer.
func (f *codebook) entries8(index iter.Seq[reg.GPVirtual], scale uint8) reg.VecVirtual {
	var v reg.VecVirtual
	blend := uint8(3)
	for i := range index {
		x := YMM()
		VPBROADCASTQ(Mem{Base: f.table, Index: i, Scale: scale}, x)
		v, blend = put(x, v, blend), blend<<2
	}
	return v
}

// entries4 looks up eight entries of four bytes.
func (f *codebook) entries4(index iter.Seq[reg.GPVirtual]) reg.VecVirtual {
	var v reg.VecVirtual
	blend := uint8(1)
	for i := range index {
		x := YMM()
		VPBROADCASTD(Mem{Base: f.table, Index: i, Scale: 4}, x)
		v, blend = put(x, v, blend), blend<<1
	}
	return v
}

// put replaces words of v by those of x; without a v it returns x.
func put(x, v reg.VecVirtual, words uint8) reg.VecVirtual {
	if v == nil {
		return x
	}
	VPBLENDD(U8(words), x, v, v)
	return v
}

// signed negates byte i of part j where its sign is set, and adds the offset.
func (f *codebook) signed(p reg.VecVirtual, j int) reg.VecVirtual {
	m := YMM()
	each := Table(fmt.Sprintf("row_signs%d", j%4), 32, func(i int) byte { return byte(4*(j%4) + i/8) })
	VPSHUFB(each, f.signs[j/4], m)
	VPAND(f.bit, m, m)
	VPCMPEQB(f.bit, m, m)
	VPXOR(m, p, p)
	VPSUBB(m, f.above, m)
	VPADDB(m, p, p)
	return p
}

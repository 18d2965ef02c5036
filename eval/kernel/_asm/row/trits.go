package row

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// startTrits loads what a byte must exceed to hold a trit of one or two. AVX2 compares signed bytes, so 128 is
// subtracted from all bytes, also after multiplication by three, modulo 256.
func startTrits(f *codebook) {
	f.values = f.Load(Bytes(85 ^ 128))
	f.above = f.Load(Bytes(170 ^ 128))
}

// trits returns part j of TQ1_0; parts must be taken in turn. Trit n of a byte is what the (n+1)th multiplication by
// three carries over the binary point.
func trits(f *codebook, j int) reg.VecVirtual {
	f.loaded = []reg.VecVirtual{f.fractions(j)}
	one, two := YMM(), YMM()
	VPCMPGTB(f.values, f.loaded[0], one)
	VPCMPGTB(f.above, f.loaded[0], two)
	VPADDB(two, one, one)
	VPABSB(one, one)
	return one
}

// fractions returns the bytes of part j, multiplied by the powers of three of its trits.
func (f *codebook) fractions(j int) reg.VecVirtual {
	v, sign := YMM(), Bytes(128)
	switch j {
	case 0:
		VMOVDQU(f.at(0), v)
		VPXOR(sign, v, v)
		return v
	case 5: // sixteen bytes, and their triple
		VBROADCASTI128(f.at(32), v)
		VPXOR(sign, v, v)
		double := YMM()
		VPAND(Table("row_upper16", 32, func(i int) byte { return byte(-(i / 16)) }), v, double)
		VPADDB(double, double, double)
		VPADDB(double, v, v)
		return v
	case 6:
		return triple(triple(f.loaded[0]))
	case 7: // the sixteen bytes' last trits, and four bytes' four
		VPBROADCASTD(f.at(48), v)
		VPXOR(sign, v, v)
		powers := Table16("row_powers", 16, func(i int) uint16 { return []uint16{1, 3, 9, 27}[i/2%4] })
		upper := YMM()
		VPAND(Words(0xff00), v, upper)
		VPMULLW(powers, upper, upper)
		VPMULLW(powers, v, v)
		VPAND(Words(0xff), v, v)
		VPOR(upper, v, v)
		VPBLENDD(U8(0x0f), triple(triple(f.loaded[0])), v, v)
		return v
	}
	return triple(f.loaded[0])
}

func triple(v reg.VecVirtual) reg.VecVirtual {
	t := YMM()
	VPADDB(v, v, t)
	VPADDB(v, t, t)
	return t
}

package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// fourLegacy multiplies four blocks of 32 at once with AVX-512 and VBMI: two overlapping loads hold the blocks, and
// permutations of bytes gather what belongs together. A vector of codes has sixteen of each block, first the low halves
// of bytes, then the high ones, and so have the activations.
type fourLegacy struct {
	Legacy
	w            reg.GPVirtual
	places, ds   reg.VecVirtual // places of the codes; of the four d, then the four m, as words
	fifths       reg.VecVirtual // places of the fifth bits
	fifthBytes   reg.Register   // the bytes that have them
	nibbles, bit reg.VecVirtual
	values       reg.VecVirtual // the table, in all quarters
	each         reg.VecVirtual // 0 0 0 0 1 1 1 1 ..
}

// place is the index of a byte of four blocks in the two loads.
func (t Legacy) place(at int) byte {
	if at < 64 {
		return byte(at)
	}
	return byte(at - (4*t.bytes - 64) + 64)
}

func (t Legacy) newFour(w reg.GPVirtual) *fourLegacy {
	s := AVX512
	index := func(what string, at func(i int) int) reg.VecVirtual {
		return s.Load(Table(fmt.Sprintf("row_%s%s", what, t.Name), 64, func(i int) byte { return t.place(at(i)) }))
	}
	f := &fourLegacy{Legacy: t, w: w,
		places:  index("codes", func(i int) int { return i/16*t.bytes + t.codes + i%16 }),
		nibbles: s.Load(Bytes(15)),
		each:    s.Load(Table("row_fours", 64, func(i int) byte { return byte((4 - i%4) / 4 * (i / 16)) })),
	}
	if t.powers == "" {
		f.ds = index("ds", func(i int) int { return i/2%4*t.bytes + 2*(i/8%2) + i%2 })
	}
	if t.fifth > 0 {
		f.fifths = index("fifths", func(i int) int { return i/16*t.bytes + t.fifth + i/8%2 + 2*(i/4%2) })
		f.bit = s.Load(Table("row_select64", 64, func(i int) byte { return 1 << (i % 8) }))
		bytes, k := GP64(), K()
		MOVQ(U64(0x8888888888888888), bytes)
		KMOVQ(bytes, k)
		f.fifthBytes = k
	}
	if t.table != "" {
		f.values = ZMM()
		VBROADCASTI32X4(Variable(t.table), f.values)
		VPADDB(Bytes(t.above), f.values, f.values)
	}
	return f
}

// blocks adds the products of four blocks to sum, and those of their minima to the upper half of mins.
func (f *fourLegacy) blocks(codes, scales, offsets Mem, sum, mins reg.VecVirtual) {
	a, b := AVX512.Load(Mem{Base: f.w}), AVX512.Load(Mem{Base: f.w, Disp: 4*f.bytes - 64})
	gather := func(places reg.VecVirtual) reg.VecVirtual {
		v := AVX512.Load(places)
		VPERMI2B(b, a, v)
		return v
	}
	acc := ZMM()
	if f.min {
		VPXORD(acc, acc, acc)
	} else {
		VMOVDQU32(offsets, acc)
	}
	// A byte holds the fifth bits of eight codes, which are the bytes of a word of 64 bits. As row 0 or 4 of a matrix
	// that is multiplied with the bytes 1, 2, 4 .. it becomes bit 4 (for low halves) or 0 (for high ones) of these
	// codes.
	fifth := ZMM()
	if f.fifth > 0 {
		VMOVDQA32(f.fifths, fifth)
		VPERMI2B_Z(b, a, f.fifthBytes, fifth)
		VGF2P8AFFINEQB(U8(0), fifth, f.bit, fifth)
	}
	c := gather(f.places)
	for h := range 2 {
		v := ZMM()
		if h == 1 {
			VPSRLW(U8(4), c, c)
		}
		if f.fifth > 0 {
			if h == 1 {
				VPSLLW(U8(4), fifth, fifth)
			}
			VMOVDQA32(fifth, v)
			VPTERNLOGD(U8(0xd8), f.nibbles, c, v) // four bits from c
		} else {
			VPANDD(f.nibbles, c, v)
		}
		if f.values != nil {
			VPSHUFB(v, f.values, v)
		}
		VPDPBUSD(codes.Offset(64*h), v, acc)
	}
	d, scale := YMM(), ZMM()
	if f.powers != "" {
		f.power(f.w, 0, d.AsX())
		for i := 1; i < 4; i++ {
			e := GP64()
			MOVBQZX(Mem{Base: f.w, Disp: i * f.bytes}, e)
			VINSERTPS(U8(16*i), Mem{Base: f.at, Index: e, Scale: 4}, d.AsX(), d.AsX())
		}
		VMULPS(scales, d.AsX(), d.AsX())
	} else if x := gather(f.ds); f.min {
		VCVTPH2PS(x.AsX(), d)
		VMULPS(scales, d, d)
		VADDPS(d, mins, mins)
	} else {
		VCVTPH2PS(x.AsX(), d.AsX())
		VMULPS(scales, d.AsX(), d.AsX())
	}
	VPERMPS(d.AsZ(), f.each, scale)
	VCVTDQ2PS(acc, acc)
	VFMADD231PS(acc, scale, sum)
}

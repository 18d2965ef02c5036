package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/formats/kernel/asm/lanes"
)

// Lattice is a type with blocks of 256 whose codes are looked up, sixty-four at a time, with AVX-512, VBMI and GFNI. Codes
// get a number added so that none is negative; it is taken back by what sums of four activations start from.
type Lattice struct {
	Name    string
	bytes   int
	group   int // columns that share a scale; 256: d is the only one
	nibbles int // where codes of four bits start, if not 0: see fourNibbles
	d       int // the place of d; -1: IQ1_M's
	// scales returns the scales of groups as words; nil: the block's is the only one.
	scales func(f *lattice) reg.VecVirtual
	// codes returns codes 64c and following.
	codes func(f *lattice, c int) reg.VecVirtual
}

// Lattices are the types looked up; see formats/block for their layouts.
var Lattices = []Lattice{
	{Name: "IQ2XXS", bytes: 66, group: 32, scales: func(f *lattice) reg.VecVirtual {
		v := ZMM()
		VMOVDQU32(f.at(2), v)
		VPSRLQ(U8(60), v, v)
		VPMOVQW(v, v.AsX())
		return f.odd(v)
	}, codes: func(f *lattice, c int) reg.VecVirtual {
		v, i := ZMM(), ZMM()
		VBROADCASTI32X4(f.at(2+16*c), v) // indices, signs, indices, signs: four bytes each
		VPSHUFB_Z(f.quads("xxs", func(q int) int { return 8*(q/4) + q%4 }), v, f.lowest, i)
		VPERMILPD(U8(0xf0), v, v) // a word of signs for four points
		return f.signed(f.points8(i), f.sevenBits(v, func(q int) int { return 32 + 7*(q%4) }))
	}},
	{Name: "IQ2XS", bytes: 74, group: 16, scales: func(f *lattice) reg.VecVirtual { return f.halves(66, 8) },
		codes: func(f *lattice, c int) reg.VecVirtual {
			i, v := ZMM(), ZMM()
			VPMOVZXWQ(f.at(2+16*c), i)
			VPSRLQ(U8(9), i, v)
			VPANDQ(f.word("row_511", 511), i, i)
			return f.signed(f.points8(i), f.evened(v))
		}},
	{Name: "IQ2S", bytes: 82, group: 16, scales: func(f *lattice) reg.VecVirtual { return f.halves(74, 8) },
		codes: func(f *lattice, c int) reg.VecVirtual {
			i, h := ZMM(), ZMM()
			VPMOVZXBQ(f.at(2+8*c), i)
			VPBROADCASTW(f.at(66+2*c), h)
			f.insert(i, h, 0x300, func(q int) int { return 2*q - 8 })
			return f.signed(f.points8(i), f.signBytes(34+8*c))
		}},
	{Name: "IQ3XXS", bytes: 98, group: 32, scales: func(f *lattice) reg.VecVirtual {
		v := YMM()
		VMOVDQU32(f.at(66), v)
		VPSRLD(U8(28), v, v)
		VPMOVDW(v, v.AsX())
		return f.odd(v)
	}, codes: func(f *lattice, c int) reg.VecVirtual {
		i, v := ZMM(), ZMM()
		VPMOVZXBD(f.at(2+16*c), i)
		VPBROADCASTQ(f.at(66+8*c), v)
		return f.signed(f.points4(i), f.sevenBits(v, func(q int) int { return 32*(q/4) + 7*(q%4) }))
	}},
	{Name: "IQ3S", bytes: 110, group: 32, scales: func(f *lattice) reg.VecVirtual { return f.halves(106, 4) },
		codes: func(f *lattice, c int) reg.VecVirtual {
			i, ninth := ZMM(), K()
			VPMOVZXBD(f.at(2+16*c), i)
			KMOVW(f.at(66+2*c), ninth)
			VPADDD_BCST(wordsOf("row_256", 4, func(i int) uint16 { return uint16(256 * (1 - i%2)) }), i, ninth, i)
			return f.signed(f.points4(i), f.signBytes(74+8*c))
		}},
	{Name: "IQ1S", bytes: 50, group: 32, scales: func(f *lattice) reg.VecVirtual {
		v := YMM()
		VMOVDQU(f.at(34), v.AsX())
		VPSRLW(U8(12), v.AsX(), v.AsX())
		VPAND(wordsOf("row_words7", 16, func(int) uint16 { return 7 }), v.AsX(), v.AsX())
		return f.odd(v)
	}, codes: func(f *lattice, c int) reg.VecVirtual {
		i, h := ZMM(), ZMM()
		VPMOVZXBQ(f.at(2+8*c), i)
		VPBROADCASTD(f.at(34+4*c), h)
		f.insert(i, h, 0x700, func(q int) int { return 16*(q/4) + 3*(q%4) - 8 })
		f.insert(i, h, 0x800, func(q int) int { return 16*(q/4) + 15 - 11 })
		return f.above(f.points8(i))
	}},
	{Name: "IQ1M", bytes: 56, group: 16, d: -1, scales: func(f *lattice) reg.VecVirtual {
		v := YMM()
		VPBROADCASTQ(f.at(48), v)
		VPSHUFB(constant("row_words1m", 32, func(i int) byte { return byte(2*(i/8) + i%2) }), v, v)
		VPSRLVW(wordsOf("row_shift1m", 16, func(j int) uint16 { return uint16(3 * (j % 4)) }), v, v)
		VPAND(wordsOf("row_words7", 16, func(int) uint16 { return 7 }), v, v)
		return f.odd(v)
	}, codes: func(f *lattice, c int) reg.VecVirtual {
		i, h := ZMM(), ZMM()
		VPMOVZXBQ(f.at(8*c), i)
		VPBROADCASTD(f.at(32+4*c), h)
		f.insert(i, h, 0xf00, func(q int) int { return 4*q - 8 })
		return f.above(f.points8(i))
	}},
	{Name: "IQ4XS", bytes: 136, group: 32, nibbles: 8, scales: func(f *lattice) reg.VecVirtual {
		dwords := func(name string, at func(j int) int) Mem {
			return wordsOf("row_"+name, 16, func(i int) uint16 { return uint16((1 - i%2) * (at(i/2) & 31)) })
		}
		low, high := YMM(), YMM()
		VPBROADCASTD(f.at(4), low)
		VPSRLVD(dwords("low4", func(j int) int { return 4 * j }), low, low)
		VPANDD(dwords("dwords15", func(int) int { return 15 }), low, low)
		VPBROADCASTW(f.at(2), high)
		VPRORVD(dwords("high4", func(j int) int { return 2*j - 4 }), high, high)
		VPTERNLOGD(U8(0xf8), wordsOf("row_dwords48", 16, func(i int) uint16 { return uint16((1 - i%2) * 48) }), high, low)
		VPSUBD(wordsOf("row_dwords32", 16, func(i int) uint16 { return uint16((1 - i%2) * 32) }), low, low)
		return low
	}},
	{Name: "TQ1", bytes: 54, d: 52, codes: func(f *lattice, c int) reg.VecVirtual {
		// Trit n is what passes the binary point in the (n+1)th multiplication by three; here the point is a word's end.
		place := func(i int) (at, n int) {
			switch v := 64*c + i; {
			case v < 160:
				return v % 32, v / 32
			case v < 240:
				return 32 + (v-160)%16, (v - 160) / 16
			default:
				return 48 + (v-240)%4, (v - 240) / 4
			}
		}
		power := func(i int) uint16 {
			p := uint16(1)
			_, n := place(i)
			for range n {
				p *= 3
			}
			return p
		}
		even, odd := ZMM(), ZMM()
		VMOVDQU32(constant(fmt.Sprintf("row_trits%d", c), 64, func(i int) byte { at, _ := place(i); return byte(at) }), even)
		VPERMB(f.block(), even, even)
		VPANDD(wordsOf("row_upper", 32, func(int) uint16 { return 0xff00 }), even, odd)
		VPMULLW(wordsOf(fmt.Sprintf("row_even%d", c), 32, func(w int) uint16 { return power(2*w) << 8 }), even, even)
		VPMULLW(wordsOf(fmt.Sprintf("row_odd%d", c), 32, func(w int) uint16 { return power(2*w + 1) }), odd, odd)
		three := wordsOf("row_words3", 32, func(int) uint16 { return 3 })
		VPMULHUW(three, even, even)
		VPMULHUW(three, odd, odd)
		VPSLLW(U8(8), odd, odd)
		VPORD(odd, even, even)
		VPADDB(bytesOf(127), even, even)
		return even
	}},
	{Name: "TQ2", bytes: 66, d: 64, codes: func(f *lattice, c int) reg.VecVirtual {
		v := ZMM()
		VBROADCASTI64X4(f.at(32*(c/2)), v)
		u := newUnpacker(ISA{Wide: true}, f.w)
		VGF2P8AFFINEQB(U8(0), u.moves(field{shift: pairs, mask: 3}, 2*(c%2)), v, v)
		VPADDB(bytesOf(127), v, v)
		return v
	}},
}

// lattice holds what the unpacking of a type needs.
type lattice struct {
	Lattice
	w, table reg.GPVirtual
	lowest   reg.OpmaskVirtual // the lowest byte of every word of 64 bits
	whole    reg.OpmaskVirtual // the bytes of a block
	loaded   reg.VecVirtual
	values   reg.VecVirtual // of four bits, with 128 added
}

// block loads a block that is shorter than a vector.
func (f *lattice) block() reg.VecVirtual {
	if f.loaded == nil {
		f.loaded = ZMM()
		VMOVDQU8_Z(f.at(0), f.whole, f.loaded)
	}
	return f.loaded
}

func (f *lattice) at(disp int) Mem { return Mem{Base: f.w, Disp: disp} }

// quadWords returns a vector of eight words of 64 bits.
func quadWords(name string, at func(q int) uint64) Mem {
	return constant(name, 64, func(i int) byte { return byte(at(i/8) >> (8 * (i % 8))) })
}

func (f *lattice) word(name string, v uint64) Mem {
	return quadWords(name, func(int) uint64 { return v })
}

// quads are places of single bytes for words of 64 bits.
func (f *lattice) quads(name string, at func(q int) int) Mem {
	return constant("row_"+name, 64, func(i int) byte { return byte(at(i / 8)) })
}

// odd makes 2s+1 of words.
func (f *lattice) odd(v reg.VecVirtual) reg.VecVirtual {
	y := v.AsY()
	VPADDW(y, y, y)
	VPORD(wordsOf("row_words1", 16, func(int) uint16 { return 1 }), y, y)
	return v
}

// halves makes 2s+1 of the halves of n bytes.
func (f *lattice) halves(at, n int) reg.VecVirtual {
	v, h := YMM(), YMM()
	if n == 4 {
		VPMOVZXBD(f.at(at), v.AsX())
	} else {
		VPMOVZXBD(f.at(at), v)
	}
	VPSLLD(U8(12), v, h)
	VPORD(h, v, v)
	VPANDD(wordsOf("row_words15", 16, func(int) uint16 { return 15 }), v, v)
	return f.odd(v)
}

// insert puts bits of h, rotated right, into i.
func (f *lattice) insert(i, h reg.VecVirtual, mask uint64, right func(q int) int) {
	v := ZMM()
	VPRORVQ(quadWords(fmt.Sprintf("row_right%s%x", f.Name, mask), func(q int) uint64 { return uint64(right(q) & 63) }), h, v)
	VPTERNLOGQ(U8(0xf8), f.word(fmt.Sprintf("row_mask%x", mask), mask), v, i)
}

// points8 gathers points of eight bytes.
func (f *lattice) points8(i reg.VecVirtual) reg.VecVirtual {
	v, k := ZMM(), K()
	KXNORW(k, k, k)
	VPXORD(v, v, v)
	VPGATHERQQ(Mem{Base: f.table, Index: i, Scale: 8}, k, v)
	return v
}

// points4 gathers points of four bytes.
func (f *lattice) points4(i reg.VecVirtual) reg.VecVirtual {
	v, k := ZMM(), K()
	KXNORW(k, k, k)
	VPXORD(v, v, v)
	VPGATHERDD(Mem{Base: f.table, Index: i, Scale: 4}, k, v)
	return v
}

// sevenBits takes seven signs for every word of 64 bits from the bit right(q) of v on.
func (f *lattice) sevenBits(v reg.VecVirtual, right func(q int) int) reg.VecVirtual {
	VPRORVQ(quadWords("row_seven"+f.Name, func(q int) uint64 { return uint64(right(q)) }), v, v)
	return f.evened(v)
}

// evened makes eight signs of the lowest seven bits of words of 64 bits, in all of their bytes: an even number is negative.
func (f *lattice) evened(v reg.VecVirtual) reg.VecVirtual {
	VPSHUFB(f.quads("lowest", func(q int) int { return 8 * (q % 2) }), v, v)
	VGF2P8AFFINEQB(U8(0), f.word("row_evened", 0x01020408102040<<8|0x7f), v, v)
	return v
}

// signBytes loads eight bytes of signs, each to all bytes of a word of 64 bits.
func (f *lattice) signBytes(at int) reg.VecVirtual {
	v := ZMM()
	VPBROADCASTQ(f.at(at), v)
	VPSHUFB(f.quads("each", func(q int) int { return q }), v, v)
	return v
}

// signed negates byte i of every word of p whose sign i is set, and adds 128.
func (f *lattice) signed(p, signs reg.VecVirtual) reg.VecVirtual {
	m := ZMM()
	VMOVDQU32(constant("row_select64", 64, func(i int) byte { return 1 << (i % 8) }), m)
	VGF2P8AFFINEQB(U8(0), signs, m, m) // as a matrix of eight equal rows: all bits of a byte, or none
	VPTERNLOGD(U8(0x96), bytesOf(128), m, p)
	VPSUBB(m, p, p)
	return p
}

// above adds 128.
func (f *lattice) above(p reg.VecVirtual) reg.VecVirtual {
	VPXORD(bytesOf(128), p, p)
	return p
}

// four multiplies codes 64c and following with activations: sums of four products.
func (f *lattice) four(c int, codes, quads Mem) reg.VecVirtual {
	v := ZMM()
	VMOVDQU32(quads.Offset(64*c), v)
	VPDPBUSD(codes.Offset(64*c), f.Lattice.codes(f, c), v)
	return v
}

// add returns what adds the products of a block times the scales of its groups to acc.
func (f *lattice) add(s ISA) func(codes, quads Mem, acc reg.VecVirtual) {
	switch {
	case f.scales == nil:
		return func(codes, quads Mem, acc reg.VecVirtual) {
			for c := range 4 {
				VPADDD(f.four(c, codes, quads), acc, acc)
			}
		}
	case f.nibbles > 0:
		f.values = ZMM()
		VBROADCASTI32X4(variable("uneven4"), f.values)
		f.above(f.values)
		return f.fours
	}
	spread := Super{group: f.group}.spread(s)
	return func(codes, quads Mem, acc reg.VecVirtual) {
		scale := spread(f.scales(f))
		for i := range 2 {
			a, b := f.four(2*i, codes, quads), f.four(2*i+1, codes, quads)
			VPACKSSDW(b, a, a)
			VPDPWSSD(a, scale(i), acc)
		}
	}
}

// fours adds the products of a block whose groups of 32 are the low, then the high halves of sixteen bytes; activations
// are in the order of fourSmall. Four products may not fit 16 bits; scales are words of 32 bits.
func (f *lattice) fours(codes, quads Mem, acc reg.VecVirtual) {
	scales, nibble := f.scales(f), bytesOf(15)
	for i := range 2 {
		v, low, scale, sum := ZMM(), ZMM(), ZMM(), ZMM()
		VMOVDQU32(f.at(f.nibbles+64*i), v)
		VPANDD(nibble, v, low)
		VPSRLW(U8(4), v, v)
		VPANDD(nibble, v, v)
		VMOVDQU32(quads.Offset(128*i), sum)
		VPADDD(quads.Offset(128*i+64), sum, sum)
		for h, c := range []reg.VecVirtual{low, v} {
			VPSHUFB(c, f.values, c)
			VPDPBUSD(codes.Offset(128*i+64*h), c, sum)
		}
		VMOVDQU32(wordsOf(fmt.Sprintf("row_dwords%d", i), 32, func(w int) uint16 { return uint16((1 - w%2) * (4*i + w/8)) }), scale)
		VPERMD(scales.AsZ(), scale, scale)
		VPMULLD(scale, sum, sum)
		VPADDD(sum, acc, acc)
	}
}

const latticeSignature = "func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, quads *int32, table *byte)"

// Emit generates the type's kernel.
func (t Lattice) Emit(s ISA) {
	name := "row" + t.Name + s.Name
	lanes.Kernel(name, latticeSignature, fmt.Sprintf("%s multiplies rows of %s blocks with a token. quads are sums of four "+
		"codes times what is added to weights, negated.", name, t.Name))
	f := &lattice{Lattice: t, w: lanes.Arg("w"), table: lanes.Arg("table")}
	mask := func(bytes uint64) reg.OpmaskVirtual {
		r, k := GP64(), K()
		MOVQ(U64(bytes), r)
		KMOVQ(r, k)
		return k
	}
	f.lowest = mask(0x0101010101010101)
	if t.bytes < 64 {
		f.whole = mask(1<<t.bytes - 1)
	}
	add := f.add(s)
	eachRow(name, func(dst reg.GPVirtual) {
		codes, d, quads, blocks := lanes.Arg("codes"), lanes.Arg("d"), lanes.Arg("quads"), lanes.Arg("blocks")
		sum := ZMM()
		VPXORD(sum, sum, sum)
		Label(name + "_block")
		acc := ZMM()
		VPXORD(acc, acc, acc)
		f.loaded = nil
		add(Mem{Base: codes}, Mem{Base: quads}, acc)
		x, all := XMM(), ZMM()
		if t.d < 0 { // four bits from each of four words
			r, mask := GP64(), GP64()
			MOVQ(f.at(48), r)
			MOVQ(U64(0xf000f000f000f000), mask)
			PEXTQ(mask, r, r)
			VMOVD(r.As32(), x)
		} else {
			VPBROADCASTW(f.at(t.d), x)
		}
		VCVTPH2PS(x, x)
		VMULSS(Mem{Base: d}, x, x)
		VBROADCASTSS(x, all)
		VCVTDQ2PS(acc, acc)
		VFMADD231PS(acc, all, sum)
		ADDQ(U32(uint32(t.bytes)), f.w)
		ADDQ(U32(256), codes)
		ADDQ(U32(256), quads)
		ADDQ(Imm(4), d)
		DECQ(blocks)
		JNZ(LabelRef(name + "_block"))
		total([]reg.VecVirtual{sum}, Mem{Base: dst})
	})
}

package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/formats/kernel/asm/lanes"
)

// Point is a type with blocks of 256 whose codes are looked up or have three levels, taken thirty-two at a time with AVX2.
// Pairs of products are summed in 16 bits, so one side is unsigned, and where it is the weight's, its codes have offset
// added. The share of the offset is taken off by the block's sums of sixteen activation codes.
type Point struct {
	Name   string
	bytes  int
	group  int // columns that share a scale; 0: d is the only one, and codes are so small that 16 bits hold sums of eight pairs
	d      int // the place of d; -1: IQ1_M's
	offset int // 0: codes are signed
	// start loads what stays in registers; block prepares scales, signs and indices of a block.
	start, block func(f *point)
	// codes returns codes 32j and following.
	codes func(f *point, j int) reg.VecVirtual
}

// point holds what the unpacking of a type needs.
type point struct {
	Point
	ISA
	w, table reg.GPVirtual
	stage    Mem              // indices of points as words
	nibble   reg.VecVirtual   // 15 in all bytes
	values   reg.VecVirtual   // of nibbles
	above    reg.VecVirtual   // the offset in all bytes
	bit      reg.VecVirtual   // bit i%8 of byte i
	scales   []reg.VecVirtual // eight scales each as words, in both halves
	signs    []reg.VecVirtual // sixteen bytes of signs each, in both halves
	loaded   []reg.VecVirtual // what pieces of a block share
}

func (f *point) at(disp int) Mem { return Mem{Base: f.w, Disp: disp} }

// words is the same 16-bit number sixteen times.
func words(v uint16) Mem {
	return wordsOf(fmt.Sprintf("row_words_%x", v), 16, func(int) uint16 { return v })
}

// dwords is the same 32-bit number eight times.
func dwords(v uint32) Mem {
	return wordsOf(fmt.Sprintf("row_dwords_%x", v), 16, func(i int) uint16 { return uint16(v >> (16 * (i % 2))) })
}

// both puts either half of v in both halves of a vector.
func both(v reg.VecVirtual) []reg.VecVirtual {
	h := lanes.Vectors(2)
	VPERMQ(U8(0x44), v, h[0])
	VPERMQ(U8(0xee), v, h[1])
	return h
}

// odd makes 2s+1 of words or dwords.
func (f *point) odd(v reg.VecVirtual, one Mem) reg.VecVirtual {
	VPADDD(v, v, v)
	VPOR(one, v, v)
	return v
}

// eight takes the scales of groups of 32 from eight dwords.
func (f *point) eight(v reg.VecVirtual) {
	VPACKSSDW(v, v, v)
	VPERMQ(U8(0x88), v, v)
	f.scales = []reg.VecVirtual{v}
}

// sixteen takes the scales of groups of 16 from sixteen words.
func (f *point) sixteen(v reg.VecVirtual) { f.scales = append(both(v), v) }

// halves takes scales 2s+1 of groups of 16 from the halves of eight bytes.
func (f *point) halves(at int) {
	v, h := YMM(), YMM()
	VPMOVZXBD(f.at(at), v)
	VPSLLD(U8(12), v, h)
	VPOR(h, v, v)
	VPAND(words(15), v, v)
	f.sixteen(f.odd(v, words(1)))
}

// evened makes eight signs of the seven lowest bits of each byte, of which bit 7 is not set: an even number is negative.
func (f *point) evened(v reg.VecVirtual) {
	odd := constant("row_odd", 32, func(i int) byte {
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
func (f *point) sevenBits(v reg.VecVirtual) {
	for _, step := range []struct {
		shift     uint8
		low, high uint32
	}{{2, 0x3fff, 0x3fff << 16}, {1, 0x7f007f, 0x7f007f00}} {
		low, high := YMM(), YMM()
		VPAND(dwords(step.low), v, low)
		VPSLLD(U8(step.shift), v, high)
		VPAND(dwords(step.high), high, high)
		VPOR(high, low, low)
		v = low
	}
	f.evened(v)
}

// signBytes takes 32 bytes of signs as they are.
func (f *point) signBytes(at int) {
	f.signs = lanes.Vectors(2)
	for i, v := range f.signs {
		VBROADCASTI128(f.at(at+16*i), v)
	}
}

// indices sets sixteen words of the stage to the bytes from low on, with bits of the bytes at high: word i gets those of
// byte i/per under mask, moved left by left(i).
func (f *point) indices(h, low int, high Mem, bytes, per int, left func(i int) int, mask uint16) {
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
	VPSHUFB(constant(fmt.Sprintf("row_each%d", per), 32, func(i int) byte {
		return byte(i/2/per | i%2<<7) // bit 7: zero
	}), t, t)
	VPMULLW(wordsOf("row_left"+f.Point.Name, 16, func(i int) uint16 { return 1 << left(i) }), t, t)
	VPAND(words(mask), t, t)
	VPOR(t, x, x)
	VMOVDQU(x, f.stage.Offset(32*h))
}

// points8 looks up four points of eight bytes, whose indices are bytes or words from at on, one by one: a gather takes
// longer.
func (f *point) points8(at Mem, wide bool, scale uint8) reg.VecVirtual {
	v := YMM()
	for k := range 4 {
		p := f.entry(at, k, wide, scale)
		if k == 0 {
			VPBROADCASTQ(p, v)
			continue
		}
		x := YMM()
		VPBROADCASTQ(p, x)
		VPBLENDD(U8(3<<(2*k)), x, v, v)
	}
	return v
}

// points4 looks up eight points of four bytes.
func (f *point) points4(at Mem, wide bool) reg.VecVirtual {
	v := YMM()
	for k := range 8 {
		p := f.entry(at, k, wide, 4)
		if k == 0 {
			VPBROADCASTD(p, v)
			continue
		}
		x := YMM()
		VPBROADCASTD(p, x)
		VPBLENDD(U8(1<<k), x, v, v)
	}
	return v
}

func (f *point) entry(at Mem, k int, wide bool, scale uint8) Mem {
	i := GP64()
	if wide {
		MOVWQZX(at.Offset(2*k), i)
	} else {
		MOVBQZX(at.Offset(k), i)
	}
	return Mem{Base: f.table, Index: i, Scale: scale}
}

// signed negates byte i of piece j where its sign is set, and adds the offset.
func (f *point) signed(p reg.VecVirtual, j int) reg.VecVirtual {
	m := YMM()
	VPSHUFB(constant(fmt.Sprintf("row_signs%d", j%4), 32, func(i int) byte { return byte(4*(j%4) + i/8) }), f.signs[j/4], m)
	VPAND(f.bit, m, m)
	VPCMPEQB(f.bit, m, m)
	VPXOR(m, p, p)
	VPSUBB(m, f.above, m)
	VPADDB(m, p, p)
	return p
}

// shares starts acc with the offset's share of the products, negated.
func (f *point) shares(sums Mem, acc reg.VecVirtual) {
	x := YMM()
	if f.group == 16 {
		VPMULLW(words(uint16(-f.offset)), f.scales[2], x)
	} else {
		VPSHUFB(constant("row_twice", 32, func(i int) byte { return byte(2*(i/4) + i%2) }), f.scales[0], x)
		VPMULLW(words(uint16(-f.offset)), x, x)
	}
	VPMADDWD(sums, x, acc)
}

// products sets acc to the products of a block times the scales of its groups.
func (f *point) products(codes reg.GPVirtual, sums Mem, acc reg.VecVirtual) {
	at := func(j int) Mem { return Mem{Base: codes, Disp: 32 * j} }
	if f.group == 0 {
		f.small(at, sums, acc)
		return
	}
	if f.offset > 0 {
		f.shares(sums, acc)
	} else {
		VPXOR(acc, acc, acc)
	}
	scale := pairScales(f.group, f.scales)
	for j := range 8 {
		c := f.codes(f, j)
		if f.offset > 0 {
			VPMADDUBSW(at(j), c, c)
		} else {
			c = signedProduct(c, at(j))
		}
		f.madd(c, scale(j), acc)
	}
}

// small sums pairs of products of codes up to two in 16 bits.
func (f *point) small(at func(j int) Mem, sums Mem, acc reg.VecVirtual) {
	var sum reg.VecVirtual
	for j := range 8 {
		c := f.codes(f, j)
		VPMADDUBSW(at(j), c, c)
		if j == 0 {
			sum = c
			continue
		}
		VPADDW(c, sum, sum)
	}
	VPSUBW(sums, sum, sum)
	VPMADDWD(words(1), sum, acc)
}

const pointSignature = "func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16, table *byte)"

// Emit generates the type's kernel.
func (t Point) Emit(s ISA) {
	name := "row" + t.Name + s.Name
	lanes.Kernel(name, pointSignature, fmt.Sprintf("%s multiplies rows of %s blocks with a token. A block has sixteen sums of "+
		"activation codes.", name, t.Name))
	f := &point{Point: t, ISA: s, w: lanes.Arg("w"), table: lanes.Arg("table")}
	f.start(f)
	if t.offset > 0 && t.group > 0 {
		f.above = s.load(bytesOf(byte(t.offset)))
	}
	eachRow(name, func(dst reg.GPVirtual) {
		codes, d, sums, blocks := lanes.Arg("codes"), lanes.Arg("d"), lanes.Arg("sums"), lanes.Arg("blocks")
		sum := YMM()
		VXORPS(sum, sum, sum)
		Label(name + "_block")
		acc := YMM()
		f.block(f)
		f.products(codes, Mem{Base: sums}, acc)
		x, all := XMM(), YMM()
		if t.d < 0 {
			f.spreadScale(x)
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
		ADDQ(Imm(32), sums)
		ADDQ(Imm(4), d)
		DECQ(blocks)
		JNZ(LabelRef(name + "_block"))
		total([]reg.VecVirtual{sum}, Mem{Base: dst})
	})
}

// spreadScale takes IQ1_M's scale, the upper four bits of four words.
func (f *point) spreadScale(x reg.Register) {
	r, t, mask := GP64(), GP64(), GP64()
	MOVQ(f.at(48), r)
	SHRQ(U8(12), r)
	MOVQ(U64(0xf000f000f000f), mask)
	ANDQ(mask, r)
	for _, n := range []uint8{12, 24} { // 0 1 2 3 -> 01 .. 23 -> 0123
		MOVQ(r, t)
		SHRQ(U8(n), t)
		ORQ(t, r)
	}
	MOVQ(r, x)
}

package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// Legacy is a type with blocks of 32: d (and m in types with a minimum), four bytes of fifth bits in some, codes.
type Legacy struct {
	Name  string
	bytes int
	min   bool
	fifth int // the place of the fifth bits, 0 for none
	codes int // the place of the codes
	whole bool

	table  string        // the variable with the values of codes, which get above added so that none is negative
	above  byte          //
	powers string        // the variable with the scale for each byte, in types where a byte is the scale
	at     reg.GPVirtual // its address
}

// Legacies are the legacy types.
var Legacies = []Legacy{
	{Name: "Q40", bytes: 18, codes: 2},
	{Name: "Q41", bytes: 20, codes: 4, min: true},
	{Name: "Q50", bytes: 22, codes: 6, fifth: 2},
	{Name: "Q51", bytes: 24, codes: 8, fifth: 4, min: true},
	{Name: "Q80", bytes: 34, codes: 2, whole: true},
}

// Tables are the types whose codes stand for values in a table.
var Tables = []Legacy{
	{Name: "IQ4NL", bytes: 18, codes: 2, table: "nonlinear4", above: layout.OffsetNonlinear4},
	{Name: "MXFP4", bytes: 17, codes: 1, table: "float4", above: layout.OffsetFloat4, powers: "scalesE8M0"},
}

const legacySignature = "func(dst *float32, w *byte, rows, blocks int, codes *int8, scales *float32, offsets *[4]int32)"

// Emit generates the type's kernel. Both instruction sets take a block at a time, in vectors of 32 bytes; AVX-512 takes
// four blocks at once as long as there are so many.
func (t Legacy) Emit(s Machine) {
	name := "row" + t.Name + s.Suffix
	Func(name, legacySignature, fmt.Sprintf("multiplies rows of %s blocks with a token. A block has its scale and "+
		"its scaled sum, and -offset*sum as an integer.", t.Name))
	w := Arg("w")
	if t.powers != "" {
		t.at = GP64()
		LEAQ(Variable(t.powers), t.at)
	}
	k := t.load(s)
	var four *fourLegacy
	if s.Wide() && !t.whole {
		four = t.newFour(w)
	}
	eachRow(name, func(dst reg.GPVirtual) {
		codes, scales, offsets, blocks := Arg("codes"), Arg("scales"), Arg("offsets"), Arg("blocks")
		sum, mins := AVX2.Vectors(2), XMM()
		for _, v := range append(sum, mins) {
			Clear(v)
		}
		block := func(i int) {
			d := t.scale(w, i, Mem{Base: scales, Disp: 8 * i}, mins)
			f := t.product(s, k, w, i, Mem{Base: codes, Disp: 32 * i}, Mem{Base: offsets, Disp: 16 * i})
			VCVTDQ2PS(f, f)
			VFMADD231PS(f, d, sum[i%2])
		}
		sum4, mins4 := ZMM(), YMM()
		if four != nil {
			Clear(sum4)
			Clear(mins4)
		}
		Unrolled(name, blocks, 1, 4, func(n int) {
			if four != nil && n == 4 {
				four.blocks(Mem{Base: codes}, Mem{Base: scales}, Mem{Base: offsets}, sum4, mins4)
			} else {
				for i := range n {
					block(i)
				}
			}
			ADDQ(U32(uint32(n*t.bytes)), w)
			ADDQ(U32(uint32(n*32)), codes)
			ADDQ(U32(uint32(n*8)), scales)
			ADDQ(U32(uint32(n*16)), offsets)
		})
		if t.min { // lane 1 holds the minima's share
			VMOVSHDUP(mins, mins)
			x := AVX2.Zero()
			VMOVSS(mins, x.AsX(), x.AsX())
			sum = append(sum, x)
		}
		if four != nil {
			sum = append(sum, sum4)
			if t.min {
				VEXTRACTF128(U8(1), mins4, mins4.AsX())
				sum = append(sum, mins4)
			}
		}
		total(sum, Mem{Base: dst})
	})
}

// legacyConstants are the constants of unpacking.
type legacyConstants struct{ nibble, sign, ones, shift, spread, select5, fifth, table reg.VecVirtual }

func (t Legacy) load(s Machine) legacyConstants {
	half := AVX2 // 32 bytes
	var k legacyConstants
	if t.whole {
		if s.Wide() {
			k.sign = half.Load(Bytes(layout.OffsetQ8_0))
		}
		return k
	}
	k.nibble = half.Load(Bytes(15))
	k.shift = half.Load(Table("row_nibbles", 32, func(i int) byte { return byte(i / 16 * 4 * (1 - min(1, i%8))) }))
	if !s.Wide() {
		k.ones = half.Load(Words(1))
	}
	if t.table != "" {
		k.table = YMM()
		VBROADCASTI128(Variable(t.table), k.table)
		if !t.signed(s) {
			above := half.Load(Bytes(t.above))
			VPADDB(above, k.table, k.table)
		}
	}
	if t.fifth > 0 {
		k.fifth = half.Load(Bytes(16))
		if !s.Wide() {
			k.spread = half.Load(Table("row_spread", 32, func(i int) byte { return byte(i / 8) }))
			k.select5 = half.Load(Table("row_select", 32, func(i int) byte { return 1 << (i % 8) }))
		}
	}
	return k
}

// scale returns d(block)*d(token) in all lanes and adds m*s to lane 1 of mins.
func (t Legacy) scale(w reg.GPVirtual, i int, token Mem, mins reg.VecVirtual) reg.VecVirtual {
	x, d := XMM(), YMM()
	at := Mem{Base: w, Disp: t.bytes * i}
	if t.powers != "" {
		t.power(w, i, x)
		VMULSS(token, x, x)
		VBROADCASTSS(x, d)
		return d
	}
	if !t.min {
		VPBROADCASTW(at, x)
		VCVTPH2PS(x, x)
		VMULSS(token, x, x)
		VBROADCASTSS(x, d)
		return d
	}
	y := XMM()
	VMOVD(at, x)
	VCVTPH2PS(x, x)
	VMOVSD(token, y)
	VMULPS(y, x, x)
	VADDPS(x, mins, mins)
	VBROADCASTSS(x, d)
	return d
}

// power loads the scale of block i.
func (t Legacy) power(w reg.GPVirtual, i int, x reg.Register) {
	e := GP64()
	MOVBQZX(Mem{Base: w, Disp: t.bytes * i}, e)
	VMOVSS(Mem{Base: t.at, Index: e, Scale: 4}, x)
}

// product returns the sum of c*q less offset times the sum of q, in eight int32 lanes.
func (t Legacy) product(s Machine, k legacyConstants, w reg.GPVirtual, i int, codes, offset Mem) reg.VecVirtual {
	at := func(disp int) Mem { return Mem{Base: w, Disp: t.bytes*i + disp} }
	acc, c := YMM(), YMM()
	if t.whole && !s.Wide() { // signed codes on both sides
		for h := range 2 {
			x, y := YMM(), YMM()
			VPMOVSXBW(at(t.codes+16*h), x)
			VPMOVSXBW(Mem{Base: codes.Base, Disp: codes.Disp + 16*h}, y)
			if h == 0 {
				VPMADDWD(y, x, acc)
				continue
			}
			VPMADDWD(y, x, x)
			VPADDD(x, acc, acc)
		}
		return acc
	}
	t.unpack(s, k, w, i, c)
	if s.Wide() {
		if t.min {
			VPXORD(acc, acc, acc)
		} else {
			VMOVD(offset, acc.AsX())
		}
		VPDPBUSD(codes, c, acc)
		return acc
	}
	if t.signed(s) {
		c = signedProduct(c, codes)
		VPMADDWD(k.ones, c, c)
		return c
	}
	VPMADDUBSW(codes, c, c)
	VPMADDWD(k.ones, c, c)
	if !t.min {
		VMOVD(offset, acc.AsX())
		VPADDD(acc, c, c)
	}
	return c
}

// signed reports whether pairs of products of codes plus above would not fit 16 bits.
func (t Legacy) signed(s Machine) bool { return t.above > 63 && !s.Wide() }

// signedProduct returns sums of pairs of products in 16 bits. The codes c, which are at least -127, take over the signs
// of the activations, whose magnitudes reach 128.
func signedProduct(c reg.VecVirtual, codes Mem) reg.VecVirtual {
	q := AVX2.Load(codes)
	VPSIGNB(q, c, c)
	VPABSB(q, q)
	VPMADDUBSW(c, q, c)
	return c
}

// unpack sets c to the codes of block i, with 128 added in types with whole bytes.
func (t Legacy) unpack(s Machine, k legacyConstants, w reg.GPVirtual, i int, c reg.VecVirtual) {
	at := func(disp int) Mem { return Mem{Base: w, Disp: t.bytes*i + disp} }
	if t.whole {
		VPXORD(at(t.codes), k.sign, c)
	} else {
		if s.Wide() {
			VBROADCASTI32X4(at(t.codes), c)
		} else {
			VBROADCASTI128(at(t.codes), c)
		}
		VPSRLVQ(k.shift, c, c)
		s.PAnd(c, c, k.nibble)
	}
	if t.table != "" {
		VPSHUFB(c, k.table, c)
	}
	if t.fifth > 0 {
		t.addFifth(s, k, at(t.fifth), c)
	}
}

// addFifth adds 16 to code j where bit j of the four bytes is set.
func (t Legacy) addFifth(s Machine, k legacyConstants, bits Mem, c reg.VecVirtual) {
	if s.Wide() {
		set := K()
		KMOVD(bits, set)
		VPADDB(k.fifth, c, set, c)
		return
	}
	h := YMM()
	VPBROADCASTD(bits, h)
	VPSHUFB(k.spread, h, h)
	VPAND(k.select5, h, h)
	VPCMPEQB(k.select5, h, h)
	VPAND(k.fifth, h, h)
	VPOR(h, c, c)
}

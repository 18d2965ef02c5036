package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// Codebook is a type with blocks of 256 whose codes are looked up or have three values, taken thirty-two at a time with
// AVX2. Pairs of products are summed in 16 bits, so one side is unsigned: weights with the offset added, or else
// activations. The block's sums of sixteen activation codes take back the offset's share.
type Codebook struct {
	Name   string
	bytes  int
	group  int // columns that share a scale; 0: d is the only one, and 16 bits hold sums of eight pairs of products
	d      int // the place of d; -1: IQ1_M's
	offset int // 0: codes are signed
	// start loads constants; block prepares the scales, signs and indices of a block.
	start, block func(f *codebook)
	// codes returns codes 32j to 32j+31.
	codes func(f *codebook, j int) reg.VecVirtual
}

// codebook holds what the unpacking of a type needs.
type codebook struct {
	Codebook
	Machine
	w, table reg.GPVirtual
	nibble   reg.VecVirtual   // 15 in all bytes
	values   reg.VecVirtual   // of nibbles
	above    reg.VecVirtual   // the offset in all bytes
	bit      reg.VecVirtual   // bit i%8 of byte i
	scales   []reg.VecVirtual // eight scales each as words, in both halves
	signs    []reg.VecVirtual // sixteen bytes of signs each, in both halves
	index    reg.VecVirtual   // of entries, as words
	loaded   []reg.VecVirtual // what parts of a block share
}

func (f *codebook) at(disp int) Mem { return Mem{Base: f.w, Disp: disp} }

// shares starts acc with the offset's share of the products, negated.
func (f *codebook) shares(sums Mem, acc reg.VecVirtual) {
	x := YMM()
	if f.group == 16 {
		VPMULLW(Words(uint16(-f.offset)), f.scales[2], x)
	} else {
		VPSHUFB(Table("row_twice", 32, func(i int) byte { return byte(2*(i/4) + i%2) }), f.scales[0], x)
		VPMULLW(Words(uint16(-f.offset)), x, x)
	}
	VPMADDWD(sums, x, acc)
}

// products sets acc to the products of a block times the scales of its groups.
func (f *codebook) products(codes reg.GPVirtual, sums Mem, acc reg.VecVirtual) {
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
		madd(f.Machine, c, scale(j), acc)
	}
}

// small sums pairs of products of codes up to two in 16 bits.
func (f *codebook) small(at func(j int) Mem, sums Mem, acc reg.VecVirtual) {
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
	VPMADDWD(Words(1), sum, acc)
}

const codebookSignature = "func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, sums *int16, " +
	"table *byte)"

// Emit generates the type's kernel.
func (t Codebook) Emit(s Machine) {
	name := "row" + t.Name + s.Suffix
	Func(name, codebookSignature, fmt.Sprintf("multiplies rows of %s blocks with a token. A block has sixteen "+
		"sums of activation codes.", t.Name))
	f := &codebook{Codebook: t, Machine: s, w: Arg("w"), table: Arg("table")}
	f.start(f)
	if t.offset > 0 && t.group > 0 {
		f.above = s.Load(Bytes(byte(t.offset)))
	}
	eachRow(name, func(dst reg.GPVirtual) {
		codes, d, sums, blocks := Arg("codes"), Arg("d"), Arg("sums"), Arg("blocks")
		sum := AVX2.Zero()
		Repeat(name+"_block", blocks, func() {
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
		}, By(t.bytes, f.w), By(256, codes), By(32, sums), By(4, d))
		total([]reg.VecVirtual{sum}, Mem{Base: dst})
	})
}

// spreadScale takes IQ1_M's scale, the upper four bits of four words.
func (f *codebook) spreadScale(x reg.Register) {
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

package row

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// A block of 256 is taken in parts of 32 codes, two in a wide vector. A field says where the bits of part j are: at bit
// shift(j) of the 32 bytes from at(j) on. They become the bits in mask of the code, the lowest of them bit to.
type field struct {
	at, shift func(j int) int
	to        int
	mask      byte
}

// KQuant is a type with blocks of 256 whose groups of codes have scales of their own.
type KQuant struct {
	Name      string
	bytes     int
	low, high field
	group     int
	d         int  // the place of d; dmin follows it in types without offset
	offset    int  // codes are stored with 2^offset added; 0: the type has minima
	inPlace   bool // AVX-512 leaves the low bits of a code where they are: see twoBits
	// scales returns sixteen int16: the scales of groups of 16, or eight scales of groups of 32 and eight minima. mins
	// are the sixteen minima of types that have so many.
	scales func(s Machine, block reg.GPVirtual) (scales, mins reg.VecVirtual)
}

// KQuants are the k-quants; see formats/block for their layouts.
var KQuants = []KQuant{
	{Name: "Q2K", bytes: 84, group: 16, d: 80, scales: scales2, inPlace: true,
		low: field{at: quarter(16), shift: pairs, mask: 3}},
	{Name: "Q3K", bytes: 110, group: 16, d: 108, offset: bits.TrailingZeros8(layout.OffsetQ3_K),
		scales: scales3, inPlace: true,
		low:  field{at: quarter(32), shift: pairs, mask: 3},
		high: field{at: all(0), shift: func(j int) int { return j }, to: 2, mask: 4}},
	{Name: "Q4K", bytes: 144, group: 32, d: 0, scales: scales6,
		low: field{at: half(16), shift: nibbles, mask: 15}},
	{Name: "Q5K", bytes: 176, group: 32, d: 0, scales: scales6,
		low:  field{at: half(48), shift: nibbles, mask: 15},
		high: field{at: all(16), shift: func(j int) int { return j }, to: 4, mask: 16}},
	{Name: "Q6K", bytes: 210, group: 16, d: 208, offset: bits.TrailingZeros8(layout.OffsetQ6_K), scales: scales8,
		low: field{at: func(j int) int { return 64*(j/4) + 32*(j%2) },
			shift: func(j int) int { return 4 * (j / 2 % 2) }, mask: 15},
		high: field{at: quarter(128), shift: pairs, to: 4, mask: 48}},
}

func pairs(j int) int   { return 2 * (j % 4) }
func nibbles(j int) int { return 4 * (j % 2) }

func all(at int) func(int) int     { return func(int) int { return at } }
func half(at int) func(int) int    { return func(j int) int { return at + 32*(j/2) } }
func quarter(at int) func(int) int { return func(j int) int { return at + 32*(j/4) } }

const kquantSignature = "func(dst *float32, w *byte, rows int, blocks int, codes *int8, d *float32, sums *int16)"

// Emit generates the type's kernel.
func (t KQuant) Emit(s Machine) {
	name := "row" + t.Name + s.Suffix
	Func(name, kquantSignature, fmt.Sprintf("multiplies rows of %s blocks with a token. A block has sixteen sums "+
		"of activation codes, negated%s.",
		t.Name, map[int]string{16: "", 32: ": eight zeros, then eight sums of 32"}[t.group]))
	w := Arg("w")
	products, spread := t.products(s, w), t.spread(s)
	one := YMM()
	if t.offset == 0 {
		VMOVDQU(Table("row_ones", 32, func(i int) byte { return byte((4 - i%4) / 4) }), one)
	}
	eachRow(name, func(dst reg.GPVirtual) {
		codes, d, sums, blocks := Arg("codes"), Arg("d"), Arg("sums"), Arg("blocks")
		sum, minSum := s.Vec(), YMM()
		Clear(sum)
		Clear(minSum)
		Repeat(name+"_block", blocks, func() {
			scales, mins := t.scales(s, w)
			acc, minAcc := s.Vec(), YMM()
			switch {
			case t.offset > 0: // start from the offset's share of the products, negated
				x := YMM()
				VPSLLW(U8(uint8(t.offset)), scales, x)
				VPMADDWD(Mem{Base: sums}, x, acc.AsY())
			case mins != nil:
				VPMADDWD(Mem{Base: sums}, mins, minAcc)
			default:
				VPMADDWD(Mem{Base: sums}, scales, minAcc)
			}
			products(spread(scales), codes, acc)

			a, x := XMM(), XMM()
			VBROADCASTSS(Mem{Base: d}, a)
			f, scale := s.Vec(), s.Vec()
			VCVTDQ2PS(acc, f)
			if t.offset > 0 {
				VPBROADCASTW(Mem{Base: w, Disp: t.d}, x)
				VCVTPH2PS(x, x)
				VMULPS(a, x, x)
				VBROADCASTSS(x, scale)
			} else {
				y, m := YMM(), YMM()
				VMOVD(Mem{Base: w, Disp: t.d}, x)
				VCVTPH2PS(x, x)
				VMULPS(a, x, y.AsX())
				VBROADCASTSS(y.AsX(), scale)
				VPERMPS(y, one, y)
				VCVTDQ2PS(minAcc, m)
				VFMADD231PS(m, y, minSum)
			}
			VFMADD231PS(f, scale, sum)

		}, By(t.bytes, w), By(256, codes), By(4, d), By(32, sums))
		if t.offset > 0 {
			total([]reg.VecVirtual{sum}, Mem{Base: dst})
		} else {
			total([]reg.VecVirtual{sum, minSum}, Mem{Base: dst})
		}
	})
}

type productsFunc = func(scale func(i int) reg.VecVirtual, codes reg.GPVirtual, acc reg.VecVirtual)

// products returns what adds the sum of c*q*scale over all codes to acc; without an offset it starts from zero.
func (t KQuant) products(s Machine, w reg.GPVirtual) productsFunc {
	if s.Wide() && t.inPlace {
		return t.newTwoBits(s, w).products
	}
	u := newUnpacker(s, w, t.low, t.high)
	return func(scale func(i int) reg.VecVirtual, codes reg.GPVirtual, acc reg.VecVirtual) {
		u.shared = map[int]reg.VecVirtual{}
		if t.offset == 0 {
			Clear(acc)
		}
		if !u.Wide() { // pairs of products
			for j := range 8 {
				p := YMM()
				VPMADDUBSW(Mem{Base: codes, Disp: 32 * j}, u.codes(t.low, t.high, j), p)
				madd(u.Machine, p, scale(j), acc)
			}
			return
		}
		for i := range 2 { // fours of products: 4 x 63 x 128 fits 16 bits
			four := []reg.VecVirtual{ZMM(), ZMM()}
			for h, v := range four {
				Clear(v)
				at := 128*i + 64*h
				VPDPBUSD(Mem{Base: codes, Disp: at}, u.codes(t.low, t.high, at/32), v)
			}
			VPACKSSDW(four[1], four[0], four[0])
			madd(u.Machine, four[0], scale(i), acc)
		}
	}
}

// spread returns what makes vector i of scales: with AVX2 a scale for each pair of codes, with AVX-512 one for each
// four codes of two vectors, whose sums VPACKSSDW takes from both in turn, four by four.
func (t KQuant) spread(s Machine) func(scales reg.VecVirtual) func(i int) reg.VecVirtual {
	if s.Wide() {
		var index []reg.VecVirtual
		for i := range 2 {
			name := fmt.Sprintf("row_index%d_%d", t.group, i)
			at := func(w int) int { return (128*i + 64*(w/4%2) + 16*(w/8)) / t.group }
			if t.inPlace {
				name, at = fmt.Sprintf("row_two%d", i), func(w int) int { return 8*(w/16) + 2*(i+2*(w/4%2)) + w/8%2 }
			}
			index = append(index, s.Load(Table16(name, 32, func(w int) uint16 { return uint16(at(w)) })))
		}
		return func(scales reg.VecVirtual) func(i int) reg.VecVirtual {
			return func(i int) reg.VecVirtual {
				v := s.Vec()
				VPERMW(scales.AsZ(), index[i], v)
				return v
			}
		}
	}
	return func(scales reg.VecVirtual) func(i int) reg.VecVirtual {
		if t.group == 16 {
			return pairScales(t.group, both(scales))
		}
		half := YMM()
		VPERMQ(U8(0x44), scales, half)
		return pairScales(t.group, []reg.VecVirtual{half})
	}
}

// pairScales returns what repeats scales for the pairs of thirty-two codes; each of halves has eight scales in both
// halves.
func pairScales(group int, halves []reg.VecVirtual) func(i int) reg.VecVirtual {
	each := group / 2
	return func(i int) reg.VecVirtual {
		first := 16 * i / each
		v := YMM()
		VPSHUFB(Table(fmt.Sprintf("row_shuffle%d_%d", group, first%8), 32, func(b int) byte {
			return byte(2*((16*i+b/2)/each%8) + b%2)
		}), halves[first/8], v)
		return v
	}
}

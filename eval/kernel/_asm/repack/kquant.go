package repack

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// kquant is a type with blocks of 256. Four code groups have 16 columns for each of their slots.
type kquant struct {
	interleaved
	name   string
	offset int // of the stored codes
	min    bool
	pairs  func(four int) []pair // of the slots of four code groups; nil: see scaleBytes
	centre int                   // taken from codes of a type with minima, so that sums of 16 columns fit 16 bits
}

// pair is two slots whose scales are a pair.
type pair struct{ first, second, scale int }

// neighbours are pairs of slots whose 16 columns lie side by side.
func neighbours(slots int) func(four int) []pair {
	return func(four int) (list []pair) {
		for p := 0; p < slots; p += 2 {
			list = append(list, pair{p, p + 1, (four*slots + p) / 2})
		}
		return list
	}
}

var kquants = []kquant{
	{name: "Q2K", interleaved: inOrder(2, 256, 4), min: true, pairs: neighbours(4)},
	{name: "Q3K", interleaved: inOrder(3, 256, 3), offset: layout.OffsetQ3_K, pairs: neighbours(8)},
	{name: "Q4K", interleaved: interleaved{4, 256, 3, layout.OrderQ4_K}, min: true,
		pairs: func(four int) []pair { return []pair{{0, 1, four / 2}} }},
	{name: "Q5K", interleaved: inOrder(5, 256, 3), centre: 15, min: true,
		pairs: func(four int) []pair {
			a, b := 2*four, 2*four+1
			return []pair{{0, 2, a}, {1, 3, a}, {4, 6, b}, {5, 7, b}}
		}},
	{name: "Q6K", interleaved: inOrder(6, 256, 4), offset: layout.OffsetQ6_K},
}

// grouped reports whether 32 columns share a scale.
func (t kquant) grouped() bool { return t.name == "Q4K" || t.name == "Q5K" }

// scaleMasks are the masks that scalePair needs.
func (t kquant) scaleMasks() []uint32 {
	switch t.scales {
	case 3:
		return []uint32{0x003f003f, 0x00300030}
	}
	return []uint32{0x000f000f}
}

// scalePair extracts pair i of a block's scales, or of the minima behind them, from the words of its body.
func (t kquant) scalePair(m masks, w []reg.VecVirtual, i int) reg.VecVirtual {
	v := ZMM()
	switch {
	case t.bits == 2: // four in a word: two of scales, two of minima
		word, at := i/2, 4*(i%2)
		if i >= 8 {
			word, at = (i-8)/2, 8+4*(i%2)
		}
		if at == 12 {
			VPSRLW(U8(12), w[word], v)
			return v
		}
		source := w[word]
		if at > 0 {
			VPSRLW(U8(uint8(at)), source, v)
			source = v
		}
		VPANDD(m[0x000f000f], source, v)
	case i < 6:
		source := w[i/2]
		if i%2 > 0 {
			VPSRLW(U8(6), source, v)
			source = v
		}
		VPANDD(m[0x003f003f], source, v)
	default: // four bits on top of word i-6, two of word 2
		high := ZMM()
		VPSRLW(U8(12), w[i-6], v)
		VPSRLW(U8(uint8(8+2*(i-6))), w[2], high)
		VPTERNLOGD(U8(0xf8), m[0x00300030], high, v) // v | high & mask
	}
	return v
}

// signedPair is scalePair for types that store scales with 32 added.
func (t kquant) signedPair(m masks, w []reg.VecVirtual, i int, less reg.VecVirtual) reg.VecVirtual {
	v := t.scalePair(m, w, i)
	if t.offset > 0 {
		VPSUBW(less, v, v)
	}
	return v
}

const kquantSignature = "func(dst *float32, w *byte, sixteens, blocks int, codes *int8, " +
	"d *float32, sums *int16, starts *int32)"

// dot emits the product of repacked rows with a token.
func (t kquant) dot() {
	name := "repacked" + t.name + "AVX512"
	doc := "multiplies repacked rows, sixteen by sixteen, of " + t.name + " blocks with a token."
	if t.min {
		group := 16
		if t.grouped() {
			group = 32
		}
		doc += fmt.Sprintf(" sums are those of %d activation codes.", group)
	}
	if t.first() {
		doc += " starts are what the sums of products of 16 columns begin with."
	}
	Func(name, kquantSignature, doc)
	list := append(t.masks(), t.scaleMasks()...)
	if t.pairs != nil {
		list = append(list, 0x0000ffff)
	}
	if t.name == "Q3K" {
		list = append(list, 0x00200020)
	}
	m := newMasks(list...)
	codes, d, sums, starts := GP64(), GP64(), GP64(), GP64()
	sum := ZMM()
	loop(name, t.perHead(), t.body(), func() {
		for _, p := range []struct {
			name string
			r    reg.GPVirtual
			read bool
		}{{"codes", codes, true}, {"d", d, true}, {"sums", sums, t.min}, {"starts", starts, t.first()}} {
			if p.read {
				Load(Param(p.name), p.r)
			}
		}
		Clear(sum)
	}, func(head, body Mem) {
		t.block(m, head, body, codes, d, sums, starts, sum)
		ADDQ(U32(256), codes)
		ADDQ(Imm(4), d)
		if t.min {
			ADDQ(Imm(map[bool]uint64{true: 16, false: 32}[t.grouped()]), sums)
		}
		if t.first() {
			ADDQ(U32(64), starts)
		}
	}, func(dst Mem) {
		VMOVUPS(sum, dst)
	})
}

func (t kquant) perHead() int {
	if t.min {
		return 1
	}
	return 2
}

// first reports whether sums of products begin with starts.
func (t kquant) first() bool { return t.offset > 0 || t.centre > 0 }

// block adds the product of a block to sum.
func (t kquant) block(m masks, head, body Mem, codes, d, sums, starts reg.GPVirtual, sum reg.VecVirtual) {
	total, least, words := AVX512.Zero(), reg.VecVirtual(nil), t.scaleWords(body)
	if t.min {
		least = t.least(m, words, sums)
	}
	for four := range t.groups() / 4 {
		acc := make([]reg.VecVirtual, t.slots())
		for p := range acc {
			if t.first() {
				acc[p] = startsFrom(starts, t.slots()*four+p)
			} else {
				acc[p] = AVX512.Zero()
			}
		}
		t.each(m, body, 4*four, 4, func(code4, p int, v reg.VecVirtual) {
			VPDPBUSD_BCST(Mem{Base: codes, Disp: 4 * code4}, v, acc[p])
		})
		if t.pairs == nil {
			t.scaleBytes(words[four], acc, total)
			continue
		}
		t.scalePairs(m, words, four, acc, total)
	}
	if t.centre > 0 {
		bias := AVX512.Zero()
		for i := range 4 {
			VPDPWSSD_BCST(Mem{Base: sums, Disp: 4 * i}, t.scalePair(m, words, i), bias)
		}
		VPSUBD(bias, total, total) // 15 = 16-1
		VPSLLD(U8(4), bias, bias)
		VPADDD(bias, total, total)
	}
	accumulate(total, head, d, sum)
	if least != nil {
		VCVTDQ2PS(least, least)
		g := ZMM()
		VCVTPH2PS(head.Offset(32), g)
		VMULPS_BCST(Mem{Base: d}, g, g)
		VFNMADD231PS(least, g, sum)
	}
}

// least sums the minima times the sums of activation codes.
func (t kquant) least(m masks, words []reg.VecVirtual, sums reg.GPVirtual) reg.VecVirtual {
	v := AVX512.Zero()
	first, n := 8, 8
	if t.grouped() {
		first, n = 4, 4
	}
	for i := range n {
		VPDPWSSD_BCST(Mem{Base: sums, Disp: 4 * i}, t.scalePair(m, words, first+i), v)
	}
	return v
}

// scalePairs adds sums of 16 columns times their scales to total, two at a time in words of 32 bits.
func (t kquant) scalePairs(m masks, words []reg.VecVirtual, four int, acc []reg.VecVirtual, total reg.VecVirtual) {
	scales := map[int]reg.VecVirtual{}
	for _, p := range t.pairs(four) {
		low, high := acc[p.first], acc[p.second]
		rightSigned(low, t.shift(p.first))
		VPSLLD(U8(uint8(16-t.shift(p.second))), high, high)
		VPTERNLOGD(U8(0xd8), m[0x0000ffff], low, high)
		if scales[p.scale] == nil {
			scales[p.scale] = t.signedPair(m, words, p.scale, m[0x00200020])
		}
		VPDPWSSD(high, scales[p.scale], total)
	}
}

// scaleBytes is scalePairs with sums of 32 bits and scales of 8.
func (t kquant) scaleBytes(word reg.VecVirtual, acc []reg.VecVirtual, total reg.VecVirtual) {
	for p, v := range acc {
		rightSigned(v, t.shift(p))
		VPMULLD(scaleByte(word, p), v, v)
		VPADDD(v, total, total)
	}
}

// scaleByte returns byte i of words, signed, as numbers of 32 bits.
func scaleByte(word reg.VecVirtual, i int) reg.VecVirtual {
	v := ZMM()
	if i < 3 {
		VPSLLD(U8(uint8(24-8*i)), word, v)
		word = v
	}
	VPSRAD(U8(24), word, v)
	return v
}

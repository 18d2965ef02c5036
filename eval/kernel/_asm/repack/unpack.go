package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

const unpackSignature = "func(record, head, body *byte)"

// unpack emits the unpacking of a block to a record of a tile: see kquantRecord in tile.go. The products of types with
// few bits and scales per 16 columns expect codes times scales.
func (t kquant) unpack() {
	name := "unpackRepacked" + t.name + "AVX512"
	Func(name, unpackSignature, "unpacks a block of sixteen repacked rows to a record of 256 columns.")
	record, head, body := Arg("record"), Arg("head"), Arg("body")
	m := newMasks(append(t.masks(), t.scaleMasks()...)...)
	words := t.scaleWords(Mem{Base: body})
	store := func(v reg.VecVirtual, at int) { VMOVDQA32(v, Mem{Base: record, Disp: at}) }
	slots := t.slots()
	var add reg.VecVirtual
	switch t.name {
	case "Q4K", "Q5K":
		for i := range 4 {
			even, odd := parted(t.scalePair(m, words, i))
			store(even, layout.KQuantScales+layout.Vector*2*i)
			store(odd, layout.KQuantScales+layout.Vector*(2*i+1))
			store(negated(t.scalePair(m, words, 4+i)), layout.KQuantMins+layout.Vector*i)
		}
	case "Q6K":
		for i := range 16 {
			store(scaleByte(words[i/4], i%4), layout.KQuantScales+layout.Vector*i)
		}
		add = AVX512.Load(Bytes(byte(layout.Full - t.offset)))
	case "Q2K":
		for i := range 8 {
			store(negated(t.scalePair(m, words, 8+i)), layout.KQuantMins+layout.Vector*i)
		}
	}
	for four := range t.groups() / 4 {
		factor, base := make([]reg.VecVirtual, slots), make([]reg.VecVirtual, slots)
		if t.folds() {
			less := AVX512.Zero()
			if t.offset > 0 {
				less = AVX512.Load(Words(32))
			}
			for p := 0; p < slots; p += 2 {
				factor[p], factor[p+1] = doubled(t.signedPair(m, words, (slots*four+p)/2, less))
			}
			for p := range slots {
				if t.offset > 0 {
					base[p] = centred(factor[p])
				}
			}
		}
		t.each(m, Mem{Base: body}, 4*four, 4, func(code4, p int, v reg.VecVirtual) {
			right(v, t.shift(p))
			if factor[p] != nil {
				VPMULLW(factor[p], v, v) // bytes carry nothing in the end
			}
			if base[p] != nil {
				VPADDW(base[p], v, v)
			}
			if add != nil {
				VPADDB(add, v, v)
			}
			store(v, layout.Vector*code4)
		})
	}
	f := ZMM()
	VCVTPH2PS(Mem{Base: head}, f)
	store(f, layout.KQuantD)
	if t.min {
		VCVTPH2PS(Mem{Base: head, Disp: 32}, f)
		store(f, layout.KQuantDmin)
	}
	End()
}

// folds reports whether tiles keep codes times scales.
func (t kquant) folds() bool { return t.bits < 4 }

// parted widens the halves of pairs, which are not negative, to 32 bits.
func parted(v reg.VecVirtual) (even, odd reg.VecVirtual) {
	even, odd = ZMM(), ZMM()
	VPSRLD(U8(16), v, odd)
	VPSLLD(U8(16), odd, even)
	VPXORD(v, even, even)
	return even, odd
}

// doubled repeats each half of pairs.
func doubled(v reg.VecVirtual) (even, odd reg.VecVirtual) {
	even, odd = ZMM(), ZMM()
	VPSLLD(U8(16), v, even)
	VPSRLD(U8(16), even, odd)
	VPORD(odd, even, even)
	low := ZMM()
	VPSRLD(U8(16), v, low)
	VPSLLD(U8(16), low, odd)
	VPORD(low, odd, odd)
	return even, odd
}

// centred is 127 - 4s in both bytes of a word.
func centred(s reg.VecVirtual) reg.VecVirtual {
	v, high := ZMM(), ZMM()
	VPSLLW(U8(2), s, v)
	VMOVDQU32(Words(layout.Folded), high)
	VPSUBW(v, high, v)
	VPSLLW(U8(8), v, high)
	VPADDW(high, v, v)
	return v
}

func negated(v reg.VecVirtual) reg.VecVirtual {
	VPSUBW(v, AVX512.Zero(), v)
	return v
}

// unpack emits the unpacking of a block of 32 to a record.
func (t legacy) unpack() {
	name := "unpackRepacked" + t.name + "AVX512"
	Func(name, unpackSignature, "unpacks a block of sixteen repacked rows to a record of 32 columns.")
	record, head, body := Arg("record"), Arg("head"), Arg("body")
	m, table := newMasks(t.masks()...), t.values()
	var add reg.VecVirtual
	if n := layout.Full - t.offset; !t.min && n > 0 {
		add = AVX512.Load(Bytes(byte(n)))
	}
	t.store(m, table, add, Mem{Base: record}, Mem{Base: body}, 0, t.groups())
	f := t.scale(Mem{Base: head})
	VMOVAPS(f, Mem{Base: record, Disp: layout.LegacyD})
	if t.min {
		VCVTPH2PS(Mem{Base: head, Disp: 32}, f)
		VMOVAPS(f, Mem{Base: record, Disp: layout.LegacyM})
	}
	End()
}

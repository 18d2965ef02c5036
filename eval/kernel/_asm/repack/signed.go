package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// signed is a type with blocks of 256 whose codes stand for a few values, which get an offset added so that none is
// negative. A table turns codes into values, unless the codes are the values; scales are signed bytes, one for 32 or 16
// columns, or none.
type signed struct {
	interleaved
	name    string
	scaling int // scales of a block
}

var signeds = []signed{
	newSigned("Signed4x8", 4, 8),   // IQ4_XS, IQ3_S, IQ3_XXS
	newSigned("Signed3x8", 3, 8),   // IQ2_XXS
	newSigned("Signed3x16", 3, 16), // IQ2_XS, IQ2_S
	newSigned("Signed2", 2, 0),     // TQ1_0, TQ2_0
}

func newSigned(name string, bits, scales int) signed {
	return signed{inOrder(bits, 256, scales/4), name, scales}
}

// table loads the values of codes; nil: codes are the values.
func (t signed) table() reg.VecVirtual {
	if t.scaling == 0 {
		return nil
	}
	return AVX512.Load(Mem{Base: Arg("table")})
}

const signedSignature = "func(dst *float32, w *byte, sixteens, blocks int, codes *int8, " +
	"d *float32, starts *int32, table *byte)"

// dot emits the product of repacked rows with a token.
func (t signed) dot() {
	name := "repacked" + t.name + "AVX512"
	Func(name, signedSignature, "multiplies repacked rows, sixteen by sixteen, of few values with a token: starts are "+
		"what the sums of products of 16 columns begin with, the table has the values of codes.")
	m, table := newMasks(t.masks()...), t.table()
	codes, d, starts := GP64(), GP64(), GP64()
	sum := ZMM()
	loop(name, 2, t.body(), func() {
		Load(Param("codes"), codes)
		Load(Param("d"), d)
		Load(Param("starts"), starts)
		Clear(sum)
	}, func(head, body Mem) {
		total, words := AVX512.Zero(), t.scaleWords(body)
		for four := range t.groups() / 4 {
			acc := make([]reg.VecVirtual, t.slots())
			for p := range acc {
				acc[p] = startsFrom(starts, t.slots()*four+p)
			}
			t.each(m, body, 4*four, 4, func(code4, p int, v reg.VecVirtual) {
				if table != nil {
					right(v, t.shift(p))
					look(table, v)
				}
				VPDPBUSD_BCST(Mem{Base: codes, Disp: 4 * code4}, v, acc[p])
			})
			t.scale(words, t.slots()*four, acc, total)
		}
		accumulate(total, head, d, sum)
		ADDQ(U32(256), codes)
		ADDQ(Imm(4), d)
		ADDQ(U32(64), starts)
	}, func(dst Mem) {
		VMOVUPS(sum, dst)
	})
}

// scale adds sums of 16 columns each, from the first one on, times their scales to total.
func (t signed) scale(words []reg.VecVirtual, first int, acc []reg.VecVirtual, total reg.VecVirtual) {
	each := 1 // sums that share a scale
	if t.scaling == 8 {
		each = 2
	}
	for p := 0; p < len(acc); p += each {
		v := acc[p]
		if t.scaling == 0 {
			rightSigned(v, t.shift(p))
		} else {
			if each == 2 {
				VPADDD(acc[p+1], v, v)
			}
			g := (first + p) / each
			VPMULLD(scaleByte(words[g/4], g%4), v, v)
		}
		VPADDD(v, total, total)
	}
}

const unpackSignedSignature = "func(record, head, body *byte, table *byte, factor float32, add uint32)"

// unpack emits the unpacking of a block to a record of a tile: float scales, and values plus add.
func (t signed) unpack() {
	name := "unpackRepacked" + t.name + "AVX512"
	Func(name, unpackSignedSignature, "unpacks a block of sixteen repacked rows to a record of 256 columns: float scales "+
		"times factor, and values with add added, which is four bytes alike.")
	record, head, body := Arg("record"), Arg("head"), Arg("body")
	m, table := newMasks(t.masks()...), t.table()
	add, f := AVX512.IntArg("add"), ZMM()
	VCVTPH2PS(Mem{Base: head}, f)
	VMULPS(AVX512.FloatArg("factor"), f, f)
	for g := range max(t.scaling, 8) {
		v := f
		if t.scaling > 0 {
			word := AVX512.Load(Mem{Base: body, Disp: layout.Vector * (g / 4)})
			v = scaleByte(word, g%4)
			VCVTDQ2PS(v, v)
			VMULPS(f, v, v)
		}
		VMOVAPS(v, Mem{Base: record, Disp: layout.KQuantScales + layout.Vector*g})
	}
	group := t.group()
	Repeat(name+"_four", Copy(U32(t.groups()/4)), func() {
		t.store(m, table, add, Mem{Base: record}, Mem{Base: body}, 0, 4)
	}, By(layout.Vector*4*group.Words, body), By(layout.Vector*4*len(group.Shifts), record))
	End()
}

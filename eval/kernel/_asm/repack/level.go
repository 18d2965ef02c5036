package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// level is a type with blocks of 256 whose codes stand for few values, which get a number added so that none is negative.
// A table turns codes into values, but where these are the codes; scales are signed bytes, none or one for 32 or 16 columns.
type level struct {
	name   string
	bits   int
	groups int // scales of a block
}

var levels = []level{
	{"Level4x8", 4, 8},   // IQ4_XS, IQ3_S, IQ3_XXS
	{"Level3x8", 3, 8},   // IQ2_XXS
	{"Level3x16", 3, 16}, // IQ2_XS, IQ2_S
	{"Level2", 2, 0},     // TQ1_0, TQ2_0
}

func (t level) scales() int { return t.groups / 4 }
func (t level) table() bool { return t.groups > 0 }

// super is the type as far as sets and scales go.
func (t level) super() super {
	return super{bits: t.bits, scales: t.scales(), quad: inGroups(len(sets[t.bits].shifts))}
}

const levelSignature = "func(dst *float32, w *byte, strips, blocks int, codes *int8, d *float32, offsets *int32, table *byte)"

// dot emits the product of strips with a token.
func (t level) dot() {
	name := "strip" + t.name
	Func(name, levelSignature, "multiplies strips of few levels with a token: offsets are what the sums of products "+
		"of 16 columns begin with, the table has the values of codes.")
	m := newMasks(setMasks(t.bits)...)
	var table reg.VecVirtual
	if t.table() {
		table = AVX512.Load(Mem{Base: Arg("table")})
	}
	codes, d, offsets := GP64(), GP64(), GP64()
	sum, s := ZMM(), t.super()
	loop(name, 2, s.body(), func() {
		Load(Param("codes"), codes)
		Load(Param("d"), d)
		Load(Param("offsets"), offsets)
		VPXORD(sum, sum, sum)
	}, func(head, body Mem) {
		total := AVX512.Zero()
		words := make([]reg.VecVirtual, t.scales())
		for i := range words {
			words[i] = AVX512.Load(body.Offset(layout.Vector * i))
		}
		places := len(sets[t.bits].shifts)
		for four := range s.fours() {
			acc := make([]reg.VecVirtual, places)
			for p := range acc {
				acc[p] = ZMM()
				VPBROADCASTD(Mem{Base: offsets, Disp: 4 * (places*four + p)}, acc[p])
			}
			for i := 4 * four; i < 4*four+4; i++ {
				quads(t.bits, m, s.at(body, i), func(p int, v reg.VecVirtual) {
					look(table, v, sets[t.bits].shifts[p])
					VPDPBUSD_BCST(Mem{Base: codes, Disp: 4 * s.quad(i, p)}, v, acc[p])
				})
			}
			t.scale(words, places*four, acc, total)
		}
		VCVTDQ2PS(total, total)
		f := ZMM()
		VCVTPH2PS(head, f)
		VMULPS_BCST(Mem{Base: d}, f, f)
		VFMADD231PS(total, f, sum)
		ADDQ(U32(256), codes)
		ADDQ(Imm(4), d)
		ADDQ(U32(64), offsets)
	}, func(dst Mem) {
		VMOVUPS(sum, dst)
	})
}

// scale adds the sums of groups from the first one on, of 16 columns each, times their scales to total.
func (t level) scale(words []reg.VecVirtual, first int, acc []reg.VecVirtual, total reg.VecVirtual) {
	each := 1 // sums that share a scale
	if t.groups == 8 {
		each = 2
	}
	for p := 0; p < len(acc); p += each {
		v := acc[p]
		if t.groups == 0 {
			if n := sets[t.bits].shifts[p]; n > 0 {
				VPSRAD(U8(uint8(n)), v, v)
			}
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

const levelFillSignature = "func(record, head, body *byte, table *byte, factor float32, add uint32)"

// fill emits the unpacking of a block to a record of a tile: float scales, and values with add added to each.
func (t level) fill() {
	name := "unweave" + t.name
	Func(name, levelFillSignature, "unpacks a block of a strip to a record of 256 columns: float scales times factor, "+
		"and values with add added, which is four bytes alike.")
	record, head, body := Arg("record"), Arg("head"), Arg("body")
	m, s := newMasks(setMasks(t.bits)...), t.super()
	var table reg.VecVirtual
	if t.table() {
		table = AVX512.Load(Mem{Base: Arg("table")})
	}
	add, f, factor := ZMM(), ZMM(), ZMM()
	VPBROADCASTD(Arg("add").As32(), add)
	VCVTPH2PS(Mem{Base: head}, f)
	x := XMM()
	Load(Param("factor"), x)
	VBROADCASTSS(x, factor)
	VMULPS(factor, f, f)
	for g := range max(t.groups, 8) {
		v := f
		if t.groups > 0 {
			word := AVX512.Load(Mem{Base: body, Disp: layout.Vector * (g / 4)})
			v = scaleByte(word, g%4)
			VCVTDQ2PS(v, v)
			VMULPS(f, v, v)
		}
		VMOVAPS(v, Mem{Base: record, Disp: layout.KQuantScales + layout.Vector*g})
	}
	fours := GP64()
	MOVQ(U32(uint32(s.fours())), fours)
	Label(name + "_four")
	for i := range 4 {
		quads(t.bits, m, s.at(Mem{Base: body}, i), func(p int, v reg.VecVirtual) {
			if n := sets[t.bits].shifts[p]; n > 0 && table == nil {
				VPSRLW(U8(uint8(n)), v, v)
			}
			look(table, v, sets[t.bits].shifts[p])
			VPADDB(add, v, v)
			VMOVDQA32(v, Mem{Base: record, Disp: layout.Vector * s.quad(i, p)})
		})
	}
	ADDQ(U32(uint32(layout.Vector*4*sets[t.bits].words)), body)
	ADDQ(U32(uint32(layout.Vector*4*len(sets[t.bits].shifts))), record)
	DECQ(fours)
	JNZ(LabelRef(name + "_four"))
	End()
}

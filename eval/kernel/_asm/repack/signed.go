package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// signed is a type with blocks of 256 whose codes stand for few values, which get a number added so that none is negative.
// A table turns codes into values, but where these are the codes; scales are signed bytes, none or one for 32 or 16 columns.
type signed struct {
	name   string
	bits   int
	groups int // scales of a block
}

var signeds = []signed{
	{"Signed4x8", 4, 8},   // IQ4_XS, IQ3_S, IQ3_XXS
	{"Signed3x8", 3, 8},   // IQ2_XXS
	{"Signed3x16", 3, 16}, // IQ2_XS, IQ2_S
	{"Signed2", 2, 0},     // TQ1_0, TQ2_0
}

func (t signed) scales() int { return t.groups / 4 }
func (t signed) table() bool { return t.groups > 0 }

// kquant is the type as far as code groups and scales go.
func (t signed) kquant() kquant {
	return kquant{bits: t.bits, scales: t.scales(), code4: inGroups(len(codeGroups[t.bits].shifts))}
}

const signedSignature = "func(dst *float32, w *byte, sixteens, blocks int, codes *int8, d *float32, starts *int32, table *byte)"

// dot emits the product of repacked rows with a token.
func (t signed) dot() {
	name := "repacked" + t.name + "AVX512"
	Func(name, signedSignature, "multiplies repacked rows, sixteen by sixteen, of few values with a token: starts are what the sums of products "+
		"of 16 columns begin with, the table has the values of codes.")
	m := newMasks(groupMasks(t.bits)...)
	var table reg.VecVirtual
	if t.table() {
		table = AVX512.Load(Mem{Base: Arg("table")})
	}
	codes, d, starts := GP64(), GP64(), GP64()
	sum, s := ZMM(), t.kquant()
	loop(name, 2, s.body(), func() {
		Load(Param("codes"), codes)
		Load(Param("d"), d)
		Load(Param("starts"), starts)
		VPXORD(sum, sum, sum)
	}, func(head, body Mem) {
		total := AVX512.Zero()
		words := make([]reg.VecVirtual, t.scales())
		for i := range words {
			words[i] = AVX512.Load(body.Offset(layout.Vector * i))
		}
		slots := len(codeGroups[t.bits].shifts)
		for four := range s.fours() {
			acc := make([]reg.VecVirtual, slots)
			for p := range acc {
				acc[p] = ZMM()
				VPBROADCASTD(Mem{Base: starts, Disp: 4 * (slots*four + p)}, acc[p])
			}
			for i := 4 * four; i < 4*four+4; i++ {
				unpackBits(t.bits, m, s.at(body, i), func(p int, v reg.VecVirtual) {
					look(table, v, codeGroups[t.bits].shifts[p])
					VPDPBUSD_BCST(Mem{Base: codes, Disp: 4 * s.code4(i, p)}, v, acc[p])
				})
			}
			t.scale(words, slots*four, acc, total)
		}
		VCVTDQ2PS(total, total)
		f := ZMM()
		VCVTPH2PS(head, f)
		VMULPS_BCST(Mem{Base: d}, f, f)
		VFMADD231PS(total, f, sum)
		ADDQ(U32(256), codes)
		ADDQ(Imm(4), d)
		ADDQ(U32(64), starts)
	}, func(dst Mem) {
		VMOVUPS(sum, dst)
	})
}

// scale adds the sums of groups from the first one on, of 16 columns each, times their scales to total.
func (t signed) scale(words []reg.VecVirtual, first int, acc []reg.VecVirtual, total reg.VecVirtual) {
	each := 1 // sums that share a scale
	if t.groups == 8 {
		each = 2
	}
	for p := 0; p < len(acc); p += each {
		v := acc[p]
		if t.groups == 0 {
			if n := codeGroups[t.bits].shifts[p]; n > 0 {
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

const unpackSignedSignature = "func(record, head, body *byte, table *byte, factor float32, add uint32)"

// fill emits the unpacking of a block to a record of a tile: float scales, and values with add added to each.
func (t signed) unpack() {
	name := "unpackRepacked" + t.name + "AVX512"
	Func(name, unpackSignedSignature, "unpacks a block of sixteen repacked rows to a record of 256 columns: float scales times factor, "+
		"and values with add added, which is four bytes alike.")
	record, head, body := Arg("record"), Arg("head"), Arg("body")
	m, s := newMasks(groupMasks(t.bits)...), t.kquant()
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
	fours := Copy(U32(uint32(s.fours())))
	Repeat(name+"_four", fours, func() {
		for i := range 4 {
			unpackBits(t.bits, m, s.at(Mem{Base: body}, i), func(p int, v reg.VecVirtual) {
				if n := codeGroups[t.bits].shifts[p]; n > 0 && table == nil {
					VPSRLW(U8(uint8(n)), v, v)
				}
				look(table, v, codeGroups[t.bits].shifts[p])
				VPADDB(add, v, v)
				VMOVDQA32(v, Mem{Base: record, Disp: layout.Vector * s.code4(i, p)})
			})
		}
	}, By(layout.Vector*4*codeGroups[t.bits].words, body), By(layout.Vector*4*len(codeGroups[t.bits].shifts), record))
	End()
}

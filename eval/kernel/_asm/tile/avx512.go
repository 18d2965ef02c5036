package tile

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// EmitAVX512 generates the AVX-512 products of tiles of quantized weights with 8-bit activations.
//
// A tile is sixteen weight rows, the lanes, over all columns: unsigned bytes in the order [k/4][row][4], in records
// with their scales (tile.go). One VPDPBUSD multiplies four columns of sixteen rows with four codes of one token,
// broadcast from memory, and sums in int32, where nothing overflows. Eight tokens are multiplied at a time, and their
// sums stay in registers from the first column to the last.
//
// A token block holds what a block needs of eight tokens beside their codes, interleaved: see package layout. Sums of
// codes that are stored with an offset start from -offset*sum(activation codes).
func EmitAVX512() {
	kquant512{name: "fullKQuant32AVX512", doc: "scales and minima per 32 columns (Q4_K, Q5_K)", group: 32, mins: 32}.emit()
	kquant512{name: "fullQ2KAVX512", doc: "no scales, minima per 16 columns (Q2_K)", mins: 16}.emit()
	kquant512{name: "fullQ3KAVX512", doc: "no scales, offset 127 (Q3_K)", offset: true}.emit()
	kquant512{name: "fullQ6KAVX512", doc: "scales per 16 columns, offset 128 (Q6_K)", group: 16, offset: true}.emit()
	kquant512{name: "fullSigned32AVX512", doc: "float scales per 32 columns, offset 128 (i-quants)",
		group: 32, offset: true, float: true}.emit()
	kquant512{name: "fullSigned16AVX512", doc: "float scales per 16 columns, offset 128 (IQ2_S)",
		group: 16, offset: true, float: true}.emit()
	legacy512("fullLegacyAVX512", "offset 128 (Q4_0, Q5_0, Q8_0)", false, false)
	legacy512("fullLegacyMinsAVX512", "float minima (Q4_1, Q5_1)", true, false)
	legacy512("fullLegacy16AVX512", "offset 128, the second scale is that of the last 16 columns (NVFP4)", false, true)
	transpose16()
}

// frame512 is what the kernels keep in registers.
type frame512 struct {
	record, block   reg.GPVirtual
	codes           Rows
	float, sum, acc []reg.VecVirtual // of eight tokens
}

// emit512 emits a kernel: a loop over tiles around one over blocks, with body inside.
func emit512(name, doc string, body func(f *frame512)) {
	Func(name, "func(dst *float32, stride int, tile *byte, tileBytes int, tiles int, blocks int, "+
		"codes *int8, codeStride int, tokenBlock *int32)",
		fmt.Sprintf("multiplies tiles with eight tokens: %s. tileBytes and stride are bytes from one tile and one "+
			"token's products to the next.", doc))
	f := &frame512{record: GP64(), block: GP64()}
	f.codes = NewRows(GP64(), Arg("codeStride"), layout.BlockTokens)
	Label(name + "_tile")
	Load(Param("tile"), f.record)
	Load(Param("codes"), f.codes.Base)
	Load(Param("tokenBlock"), f.block)
	f.float = AVX512.Zeros(layout.BlockTokens)
	f.sum, f.acc = AVX512.Vectors(layout.BlockTokens), AVX512.Vectors(layout.BlockTokens)
	Repeat(name+"_block", Arg("blocks"), func() { body(f) })
	dst, tile, next := Arg("dst"), Arg("tile"), Arg("tileBytes")
	to := NewRows(dst, Arg("stride"), layout.BlockTokens)
	for t, v := range f.float {
		VMOVUPS(v, to.At(t, 0))
	}
	ADDQ(U32(layout.Vector), dst)
	Store(dst, Param("dst"))
	ADDQ(next, tile)
	Store(tile, Param("tile"))
	tiles := Arg("tiles")
	DECQ(tiles)
	Store(tiles, Param("tiles"))
	JNZ(LabelRef(name + "_tile"))
	End()
}

// multiply adds the products of columns at to at+4*steps-1 to acc.
func (f *frame512) multiply(acc []reg.VecVirtual, at, steps int) {
	for s := range steps {
		w := AVX512.Load(Mem{Base: f.record, Disp: (at/4 + s) * layout.Vector})
		for t := range acc {
			VPDPBUSD_BCST(f.codes.At(t, at+4*s), w, acc[t])
		}
	}
}

// words broadcasts the eight numbers of a line of the token block; at < 0 means zeros.
func words(v []reg.VecVirtual, block reg.GPVirtual, at int) []reg.VecVirtual {
	for t := range v {
		if at < 0 {
			VPXORD(v[t], v[t], v[t])
		} else {
			VPBROADCASTD(Mem{Base: block, Disp: at + 4*t}, v[t])
		}
	}
	return v
}

// kquant512 is a kernel for blocks of 256.
type kquant512 struct {
	name, doc string
	group     int // columns that share a scale; 0: the record has codes times scales
	mins      int // columns that share a minimum; 0: none
	offset    bool
	float     bool // the only scales are those of groups, as float32
}

func (k kquant512) emit() {
	emit512(k.name, k.doc, k.block)
}

// block emits what is done for a block.
func (k kquant512) block(f *frame512) {
	var sum, mins []reg.VecVirtual
	if k.mins > 0 {
		mins = words(f.sum, f.block, -1)
		at := map[int]int{32: layout.TokenPairs32, 16: layout.TokenPairs16}[k.mins]
		for p := range 256 / k.mins / 2 {
			w := AVX512.Load(Mem{Base: f.record, Disp: layout.KQuantMins + p*layout.Vector})
			for t := range mins {
				VPDPWSSD_BCST(Mem{Base: f.block, Disp: at + p*layout.Line + 4*t}, w, mins[t])
			}
		}
		d := ZMM()
		VMOVAPS(Mem{Base: f.record, Disp: layout.KQuantDmin}, d)
		f.add(mins, d)
	}
	if k.group == 0 {
		at := -1
		if k.offset {
			at = layout.TokenAll
		}
		sum = words(f.sum, f.block, at)
		count := Copy(U32(4))
		Repeat(k.name+"_part", count, func() {
			f.multiply(sum, 0, 16)
			f.advance(64)
		})
	} else {
		if !k.float {
			sum = words(f.sum, f.block, -1)
		}
		k.groups(f, sum)
	}
	if !k.float {
		d := ZMM()
		VMOVAPS(Mem{Base: f.record, Disp: layout.KQuantD - layout.KQuantScales}, d) // record has moved on by the codes
		f.add(sum, d)
	}
	ADDQ(U32(layout.KQuantRecord-layout.KQuantScales), f.record)
	ADDQ(U32(layout.TokenKQuantRecord), f.block)
}

func (f *frame512) advance(columns int) {
	f.codes.Advance(columns)
	ADDQ(U32(columns/4*layout.Vector), f.record)
}

// add adds integers times the scales of the rows, and of the tokens, to the float sums, as AVX2 does.
func (f *frame512) add(sum []reg.VecVirtual, d reg.VecVirtual) {
	for t, s := range sum {
		x := ZMM()
		VCVTDQ2PS(s, s)
		VMULPS_BCST(Mem{Base: f.block, Disp: layout.TokenD + 4*t}, d, x)
		VFMADD231PS(s, x, f.float[t])
	}
}

// groups adds the sum of each group times its scale to sum, or to the float sums.
func (k kquant512) groups(f *frame512, sum []reg.VecVirtual) {
	scales, offsets, count := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: f.record, Disp: layout.KQuantScales}, scales)
	LEAQ(Mem{Base: f.block, Disp: layout.TokenOffsets}, offsets)
	MOVQ(U32(256/k.group), count)
	Repeat(k.name+"_group", count, func() {
		at := -1
		if k.offset {
			at = 0
		}
		acc := words(f.acc, offsets, at)
		if k.offset && k.group == 32 {
			for t := range acc {
				VPADDD_BCST(Mem{Base: offsets, Disp: layout.Line + 4*t}, acc[t], acc[t])
			}
		}
		f.multiply(acc, 0, k.group/4)
		w := AVX512.Load(Mem{Base: scales})
		if k.float {
			f.add(acc, w)
		}
		for t := range sum {
			VPMULLD(w, acc[t], acc[t])
			VPADDD(acc[t], sum[t], sum[t])
		}
		f.advance(k.group)
		ADDQ(U32(layout.Vector), scales)
		if k.offset {
			ADDQ(U32(k.group/16*layout.Line), offsets)
		}
	})
}

// legacy512 emits a kernel for blocks of 32 with float scales.
func legacy512(name, doc string, mins, halves bool) {
	emit512(name, doc, func(f *frame512) {
		scaled := func(acc []reg.VecVirtual, at int) { f.add(acc, AVX512.Load(Mem{Base: f.record, Disp: at})) }
		switch {
		case halves:
			first := words(f.sum, f.block, layout.TokenFirst)
			f.multiply(first, 0, 4)
			second := words(f.acc, f.block, layout.TokenS)
			for t := range second {
				x := ZMM()
				VPBROADCASTD(Mem{Base: f.block, Disp: layout.TokenFirst + 4*t}, x)
				VPSUBD(x, second[t], second[t])
			}
			f.multiply(second, 16, 4)
			scaled(first, layout.LegacyD)
			scaled(second, layout.LegacyM)
		case mins:
			acc := words(f.acc, f.block, -1)
			f.multiply(acc, 0, 8)
			scaled(acc, layout.LegacyD)
			m := AVX512.Load(Mem{Base: f.record, Disp: layout.LegacyM})
			for t := range acc {
				VFMADD231PS_BCST(Mem{Base: f.block, Disp: layout.TokenS + 4*t}, m, f.float[t])
			}
		default:
			acc := words(f.acc, f.block, layout.TokenS)
			f.multiply(acc, 0, 8)
			scaled(acc, layout.LegacyD)
		}
		f.codes.Advance(32)
		ADDQ(U32(layout.LegacyRecord), f.record)
		ADDQ(U32(layout.TokenLegacyRecord), f.block)
	})
}

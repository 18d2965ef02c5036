package kernel

import (
	"slices"
	"testing"

	"bitmill/formats"
	"bitmill/formats/block"
)

// notWeights are quantized types that no tensor of weights has.
var notWeights = map[formats.Type]string{
	formats.Q8_1: "activations are stored so",
	formats.Q8_K: "activations are stored so",
}

// notRepacked says why rows of a type are not interleaved.
var notRepacked = map[formats.Type]string{
	formats.F32:   "rows are multiplied as fast as memory gives them",
	formats.F16:   "rows are multiplied as fast as memory gives them",
	formats.NVFP4: "a scale for sixteen values leaves little to gain",
	formats.Q1_0:  "rows are multiplied as fast as memory gives them",
	formats.Q2_0:  "rows are multiplied as fast as memory gives them",
	formats.IQ1_S: "codes would take twice the bytes",
	formats.IQ1_M: "codes would take twice the bytes",
	formats.Q8_1:  notWeights[formats.Q8_1],
	formats.Q8_K:  notWeights[formats.Q8_K],
}

// TestWeightTypes: every quantized type has a row that is complete, and nothing is missing without a reason.
func TestWeightTypes(t *testing.T) {
	for _, info := range formats.Types() {
		typ, w := info.Type, weightTypeOf(info.Type)
		if w == nil {
			if info.Quant || block.Known(typ) {
				t.Errorf("%s has no row", typ)
			}
			continue
		}
		if w.form.blockLen() > max(32, info.Block) || w.group > info.Block {
			t.Errorf("%s: blocks of %d with %s and scales for %d", typ, info.Block, w.form, w.group)
		}
		ways := 0
		for _, known := range []bool{w.kquant != nil, w.legacy != nil, w.signed != nil} {
			if known {
				ways++
			}
		}
		if want := info.Quant && notWeights[typ] == ""; (ways == 1) != want || ways > 1 {
			t.Errorf("%s is unpacked in %d ways", typ, ways)
		}
		if w.signed != nil && (w.factor == 0 || w.offset == 0 || !w.form.values()) {
			t.Errorf("%s: signed codes without a factor, an offset, or activations as values", typ)
		}
		if (w.repack == nil) != (notRepacked[typ] != "") {
			t.Errorf("%s is repacked: %v; reason %q", typ, w.repack != nil, notRepacked[typ])
		}
	}
}

// TestOffsets: the offset of signed codes is what makes all of them non-negative, and no more.
func TestOffsets(t *testing.T) {
	for _, typ := range types {
		w := weightTypeOf(typ)
		if w.signed == nil {
			continue
		}
		c := signedCodes{codeFuncs: codeFuncsGeneric, codes: make([]int8, 256), scales: make([]float32, 16)}
		least := int8(0)
		for seed := range 200 {
			w.signed(&c, randomMatrix(random(uint64(seed)), typ, 1, 256).Data)
			least = min(least, slices.Min(c.codes))
		}
		if int(least) != -w.offset {
			t.Errorf("%s: the least code is %d, the offset %d", typ, least, w.offset)
		}
	}
}

// TestTypeTables: the sets have functions for every type, or a reason for none.
func TestTypeTables(t *testing.T) {
	for _, s := range others() {
		for _, typ := range types {
			w, f := weightTypeOf(typ), s.funcs(typ)
			if f.rows == nil {
				t.Errorf("%s %s: few tokens are multiplied as many are", s.Name, typ)
			}
			if f.tiles == nil && f.full == nil && !w.form.float() {
				t.Errorf("%s %s: no tiles, and activations that are no floats", s.Name, typ)
			}
			if f.repacked == nil {
				continue
			}
			ways := 0
			if f.repacked.unpack != nil {
				ways++
			}
			if f.repacked.unpackSigned != nil {
				ways++
			}
			if w.repack == nil || f.full == nil || typ != formats.BF16 && ways != 1 {
				t.Errorf("%s %s: repacked rows without a layout, tiles, or one way to unpack them", s.Name, typ)
			}
			// BF16 has no codes, and the words of Q8_0 are its code4s.
			if (f.packBits == nil) != (typ == formats.BF16 || typ == formats.Q8_0) {
				t.Errorf("%s %s packs bits: %v", s.Name, typ, f.packBits != nil)
			}
		}
	}
}

// TestCodeFuncs: the functions for signed codes give what plain Go gives.
func TestCodeFuncs(t *testing.T) {
	for _, s := range others() {
		for _, typ := range types {
			w := weightTypeOf(typ)
			if w.signed == nil {
				continue
			}
			for seed := range 20 {
				cols := 256 * (1 + seed%3)
				row := randomMatrix(random(uint64(seed)), typ, 1, cols).Data
				got := signedCodes{codeFuncs: s.codeFuncs, codes: make([]int8, cols), scales: make([]float32, cols/16)}
				want := signedCodes{codeFuncs: codeFuncsGeneric, codes: make([]int8, cols),
					scales: make([]float32, cols/16)}
				w.signed(&got, row)
				w.signed(&want, row)
				if !slices.Equal(got.codes, want.codes) || !slices.Equal(got.scales, want.scales) {
					t.Fatalf("%s %s: signed codes differ", s.Name, typ)
				}
			}
		}
	}
}

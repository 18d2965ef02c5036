package kernel

import (
	"math"
	"unsafe"

	"bitmill/eval/kernel/vec"
	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/cpu"
)

// The portable sets take all ways of an instruction set with functions in plain Go: they say what generated functions
// compute, and let tests run the ways on every architecture. One multiplies many tokens with tiles of some columns, as
// AVX2 does, the other with tiles of all columns and repacked rows, as AVX-512 does.
var (
	portable     = portableSet("portable", portableTiles)
	portableFull = portableSet("portable, full tiles", portableFullTiles)
)

func portableSet(name string, complete func(f *typeFuncs, t formats.Type, w *weightType)) *Set {
	types := new(typeTable)
	for t := range types {
		w := weightTypeOf(formats.Type(t))
		if w == nil || notWeights[formats.Type(t)] != "" {
			continue
		}
		types[t].rows = portableRows(formats.Type(t), w)
		complete(&types[t], formats.Type(t), w)
	}
	return &Set{
		Name: name, types: types, codeFuncs: codeFuncsGeneric, Set: vec.For(cpu.Generic),
		tileFuncs: tileFuncs{
			float: floatPortable, transpose: transposePortable, transpose16: transpose16Portable,
			floatsF16: floatsPortable(formats.F16), floatsBF16: floatsPortable(formats.BF16), int16sQ8: int16sQ8Portable,
		},
		loads: &loadFuncs{
			q8: loadQ8Portable, q8K: loadQ8KPortable, bf16: loadBF16Portable, values: valuesPortable,
			interleave32: interleave32Portable, interleave256: interleave256Portable,
		},
	}
}

func portableRows(t formats.Type, w *weightType) func(p *product) {
	switch {
	case w.form.float():
		return floatRows(floatRowPortable(t))
	case w.kquant != nil:
		return kquantRows(kquantRowPortable(t, w), nil)
	case w.legacy != nil || t == formats.IQ4_NL || t == formats.MXFP4:
		return legacyRows(legacyRowPortable(t, w), nil)
	case t == formats.IQ4_XS:
		return iq4xsRows(iq4xsRowPortable(t, w), nil)
	case w.form == FormValuesQ8_K:
		return codebookRows(codebookRowPortable(t, w))
	}
	return block64Rows(block64RowPortable(t, w))
}

func portableTiles(f *typeFuncs, t formats.Type, w *weightType) {
	switch {
	case w.form.float():
	case w.kquant != nil:
		f.tiles = kquantTiles(kquantTilePortable(w), w.group)
	case t == formats.Q8_0:
		f.tiles = int16Tiles(int16TilePortable)
	case w.legacy != nil || w.group > 16 && w.offset < 16:
		f.tiles = legacyTiles(legacyTilePortable)
	default:
		f.tiles = signedTiles(func(dst *float32, stride, fours int, tile *byte, blocks int, codes *int8, codeStride int,
			d *float32, dStride, accumulate int) {
			signedTilePortable(min(32, w.group), dst, stride, fours, tile, blocks, codes, codeStride, d, dStride, accumulate)
		})
	}
}

func portableFullTiles(f *typeFuncs, t formats.Type, w *weightType) {
	add := uint8(0) // portable tiles of legacy types without a minimum have 128 added to codes, as signed codes do
	if w.offset > 0 {
		add = uint8(128 - w.offset)
	}
	switch {
	case t == formats.BF16:
		f.full, f.repacked = bf16Full(bf16TilePortable), bf16Repacked(bf16RepackedPortable)
		return
	case w.form.float():
		return
	case w.kquant != nil:
		f.full = kquantFull(kquantFullPortable(w), kquantFillPortable(w, t.BlockBytes()), 0)
		f.repacked = kquantRepacked(kquantRepackedPortable(t, w), unpackRepackedPortable(t), 0)
	case w.legacy != nil:
		f.full = legacyFull(legacyFullPortable(w), legacyFillPortable(w, t.BlockBytes()), add)
		f.repacked = legacyRepacked(legacyRepackedPortable(t), unpackRepackedPortable(t))
	case w.form == FormValuesQ8_K:
		f.full = signedFull(signedFullPortable(w))
		f.repacked = signedRepacked(signedRepackedPortable(t), unpackRepackedSignedPortable(t), false)
	default:
		f.full = signedFull(legacyFullPortable(w))
		f.repacked = legacyRepacked(legacyRepackedPortable(t), unpackRepackedPortable(t))
	}
	if w.repack == nil {
		f.repacked = nil
		return
	}
	if t == formats.Q8_0 { // the words are code4s
		return
	}
	f.packBits = func(words, code4s *byte) { packBitsPortable(repackLayoutOf(t), words, code4s) }
}

// span returns n elements from some bytes behind p.
func span[T any](p *T, bytes, n int) []T {
	return unsafe.Slice((*T)(unsafe.Add(unsafe.Pointer(p), bytes)), n)
}

func floatPortable(c *float32, ldc int, a *float32, lda int, b *float32, ldb, m, k, accumulate int) {
	gemmPanelsGeneric(span(c, 0, (m-1)*ldc/4+lanes), ldc/4, span(a, 0, (m-1)*lda/4+k), lda/4,
		span(b, 0, k*ldb/4), 0, m, lanes, k, accumulate != 0)
}

func transposePortable(dst *uint32, chunk int, src *uint32, stride, chunks int) {
	for c := range chunks {
		for r := range 8 {
			for j, v := range span(src, r*stride+32*c, 8) {
				span(dst, c*chunk+64*j+4*r, 1)[0] = v
			}
		}
	}
}

func transpose16Portable(dst *byte, half int, src *byte, stride, chunks int, add uint32) {
	for c := range chunks {
		for r := range lanes {
			for i, v := range span(src, r*stride+64*c, 64) {
				j := i / 4
				span(dst, (2*c+j/8)*half+64*(j%8)+4*r+i%4, 1)[0] = v + byte(add)
			}
		}
	}
}

func floatsPortable(t formats.Type) func(dst *float32, src *byte, n int) {
	return func(dst *float32, src *byte, n int) {
		if err := block.Decode(t, span(dst, 0, n), span(src, 0, 2*n)); err != nil {
			panic(err)
		}
	}
}

func int16sQ8Portable(dst *int16, src *byte, blocks int) {
	for b := range blocks {
		for k, v := range span(src, 34*b+2, 32) {
			span(dst, 64*b, 32)[k] = int16(int8(v))
		}
	}
}

// loading makes Activations of a token from the places that functions are given.
func loading(form ActivationForm, cols int) *Activations {
	b := new(Activations)
	if err := b.Reset(form, 1, cols); err != nil {
		panic(err)
	}
	return b
}

func loadQ8Portable(codes *int8, int16s, sums *int16, d, s, x *float32, blocks int) {
	form := FormQ8_0
	if s != nil {
		form = FormQ8_1
	}
	b := loading(form, 32*blocks)
	loadGeneric(b, 0, span(x, 0, 32*blocks))
	copy(span(codes, 0, 32*blocks), b.codes)
	copy(span(sums, 0, 2*blocks), b.sums16)
	copy(span(d, 0, blocks), b.d)
	if s != nil {
		copy(span(s, 0, blocks), b.s)
	} else {
		copy(span(int16s, 0, 32*blocks), b.int16s)
	}
}

func loadQ8KPortable(codes *int8, sums16, sums32 *int16, d, x *float32, blocks int) {
	b := loading(FormQ8_K, 256*blocks)
	loadGeneric(b, 0, span(x, 0, 256*blocks))
	copy(span(codes, 0, 256*blocks), b.codes)
	copy(span(sums16, 0, 16*blocks), b.sums16)
	copy(span(sums32, 0, 8*blocks), b.sums32)
	copy(span(d, 0, blocks), b.d)
}

func loadBF16Portable(dst *float32, halves *uint16, x *float32, n int) {
	for i, v := range span(x, 0, n) {
		h := block.BF16(v)
		if span(dst, 0, n)[i] = block.FromBF16(h); halves != nil {
			span(halves, 0, n)[i] = h
		}
	}
}

func valuesPortable(dst *float32, codes *int8, d *float32, blocks, size int) {
	for i, q := range span(codes, 0, blocks*size) {
		span(dst, 0, blocks*size)[i] = span(d, 0, blocks)[i/size] * float32(q)
	}
}

func interleave32Portable(tokenBlock *int32, d, s *float32, sums *int16, blocks int) {
	b := loading(FormQ8_0, 32*blocks)
	if s != nil {
		b = loading(FormQ8_1, 32*blocks)
		b.s = span(s, 0, BlockTokens*blocks)
	}
	b.d, b.sums16 = span(d, 0, BlockTokens*blocks), span(sums, 0, 2*BlockTokens*blocks)
	b.tokenBlocks = span(tokenBlock, 0, legacyTokenWords*blocks)
	for t := range BlockTokens {
		b.interleave(t)
	}
}

func interleave256Portable(tokenBlock *int32, d *float32, sums *int16, blocks int) {
	b := loading(FormQ8_K, 256*blocks)
	b.d, b.sums16 = span(d, 0, BlockTokens*blocks), span(sums, 0, 16*BlockTokens*blocks)
	b.sums32 = make([]int16, 8*BlockTokens*blocks)
	for i := range b.sums32 {
		b.sums32[i] = b.sums16[2*i] + b.sums16[2*i+1]
	}
	b.tokenBlocks = span(tokenBlock, 0, kquantTokenWords*blocks)
	for t := range BlockTokens {
		b.interleave(t)
	}
}

// packBitsPortable packs code4s of sixteen rows, which lie in vectors.
func packBitsPortable(l *repackLayout, words, code4s *byte) {
	scratch := new(repackScratch)
	for lane := range lanes {
		for i := range l.cols / 4 {
			copy(scratch.codes[lane][4*i:], span(code4s, 64*i+4*lane, 4))
		}
	}
	s := repackShape{repackLayout: l}
	s.packBits(span(words, 0, 64*l.Words*l.cols/4/len(l.Shifts)), scratch)
}

// bitsOf is a float32 in a token block.
func bitsOf(v int32) float32 { return math.Float32frombits(uint32(v)) }

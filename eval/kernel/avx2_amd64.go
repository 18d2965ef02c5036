//go:build !purego

package kernel

import (
	"bitmill/eval/kernel/vec"
	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/cpu"
)

// avx2 uses AVX2, FMA and F16C instructions.
var avx2 = &Set{
	Name:      cpu.AVX2,
	types:     &typesAVX2,
	tileFuncs: tilesAVX2,
	codeFuncs: codeFuncs{nibbles: nibblesAVX2, entries8: entries8AVX2, entries4: entries4AVX2, dot: dotSignedAVX2},
	loads:     &loadsAVX2,
	Set:       vec.For(cpu.AVX2),
}

var tilesAVX2 = tileFuncs{
	float:      tileFloatAVX2,
	transpose:  transpose8AVX2,
	floatsF16:  floatsF16AVX2,
	floatsBF16: floatsBF16AVX2,
	int16sQ8:   int16sQ8AVX2,
}

var loadsAVX2 = loadFuncs{
	q8:            loadQ8AVX2,
	q8K:           loadQ8KAVX2,
	bf16:          roundBF16AVX2,
	values:        scaleCodesAVX2,
	interleave32:  interleave32AVX2,
	interleave256: interleave256AVX2,
}

var typesAVX2 = typeTable{
	formats.F32:  {rows: floatRows(rowF32AVX2)},
	formats.F16:  {rows: floatRows(rowF16AVX2)},
	formats.BF16: {rows: floatRows(rowBF16AVX2)},

	formats.Q4_0: {rows: legacyRows(rowQ40AVX2, nil), tiles: legacyTiles(tileLegacy4AVX2)},
	formats.Q4_1: {rows: legacyRows(rowQ41AVX2, nil), tiles: legacyTiles(tileLegacy4MinAVX2)},
	formats.Q5_0: {rows: legacyRows(rowQ50AVX2, nil), tiles: legacyTiles(tileLegacy5AVX2)},
	formats.Q5_1: {rows: legacyRows(rowQ51AVX2, nil), tiles: legacyTiles(tileLegacy5MinAVX2)},
	formats.Q8_0: {rows: legacyRows(rowQ80AVX2, nil), tiles: int16Tiles(tileInt16AVX2)},

	formats.Q2_K: {rows: kquantRows(rowQ2KAVX2, nil), tiles: kquantTiles(tileKQuant16AVX2, 16)},
	formats.Q3_K: {rows: kquantRows(rowQ3KAVX2, nil), tiles: kquantTiles(tileQ3KAVX2, 16)},
	formats.Q4_K: {rows: kquantRows(rowQ4KAVX2, nil), tiles: kquantTiles(tileKQuant32AVX2, 32)},
	formats.Q5_K: {rows: kquantRows(rowQ5KAVX2, nil), tiles: kquantTiles(tileKQuant16AVX2, 16)},
	formats.Q6_K: {rows: kquantRows(rowQ6KAVX2, nil), tiles: kquantTiles(tileQ6KAVX2, 16)},

	// Of signed codes, those with few values are multiplied as legacy types are.
	formats.IQ4_NL:  {rows: legacyRows(rowIQ4NLAVX2, nil), tiles: signedTiles(tileSignedAVX2)},
	formats.MXFP4:   {rows: legacyRows(rowMXFP4AVX2, nil), tiles: legacyTiles(tileLegacy5AVX2)},
	formats.NVFP4:   {rows: block64Rows(rowNVFP4AVX2), tiles: signedTiles(tileSigned16AVX2)},
	formats.Q1_0:    {rows: block64Rows(rowQ1AVX2), tiles: legacyTiles(tileLegacy4AVX2)},
	formats.Q2_0:    {rows: block64Rows(rowQ2AVX2), tiles: legacyTiles(tileLegacy4AVX2)},
	formats.IQ4_XS:  {rows: codebookRows(rowIQ4XSAVX2), tiles: signedTiles(tileSignedAVX2)},
	formats.IQ3_S:   {rows: codebookRows(rowIQ3SAVX2), tiles: legacyTiles(tileLegacy5AVX2)},
	formats.IQ3_XXS: {rows: codebookRows(rowIQ3XXSAVX2), tiles: signedTiles(tileSignedAVX2)},
	formats.IQ2_XXS: {rows: codebookRows(rowIQ2XXSAVX2), tiles: signedTiles(tileSignedAVX2)},
	formats.IQ2_XS:  {rows: codebookRows(rowIQ2XSAVX2), tiles: signedTiles(tileSigned16AVX2)},
	formats.IQ2_S:   {rows: codebookRows(rowIQ2SAVX2), tiles: signedTiles(tileSigned16AVX2)},
	formats.IQ1_S:   {rows: codebookRows(rowIQ1SAVX2), tiles: legacyTiles(tileLegacy5AVX2)},
	formats.IQ1_M:   {rows: codebookRows(rowIQ1MAVX2), tiles: signedTiles(tileSigned16AVX2)},
	formats.TQ1_0:   {rows: codebookRows(rowTQ1AVX2), tiles: legacyTiles(tileLegacy4AVX2)},
	formats.TQ2_0:   {rows: codebookRows(rowTQ2AVX2), tiles: legacyTiles(tileLegacy4AVX2)},
}

// What assembly reads of formats/block: the values of codes, and the scales of MXFP4 and NVFP4.
var (
	nonlinear4, float4 = block.Nonlinear4, block.Float4
	scalesE8M0         = scaleTable(block.FromE8M0Half)
	scalesUE4M3        = scaleTable(block.FromUE4M3Half)
)

func scaleTable(of func(uint8) float32) (p [256]float32) {
	for e := range p {
		p[e] = of(uint8(e))
	}
	return p
}

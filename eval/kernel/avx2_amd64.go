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
	codeFuncs: codeFuncs{nibbles: nibbleLevels, entries8: points8, entries4: points4, dot: dotLevels},
	loads:     &loadsAVX2,
	Set:       vec.For(cpu.AVX2),
}

var tilesAVX2 = tileFuncs{float: tileFloat, transpose: transpose8, floatsF16: floatsF16, floatsBF16: floatsBF16, int16sQ8: wordsQ8}

var loadsAVX2 = loadFuncs{
	q8:            load32,
	q8K:           load256,
	bf16:          roundBF16,
	values:        scaleCodes,
	interleave32:  interleave32,
	interleave256: interleave256,
}

var typesAVX2 = typeTable{
	formats.F32:  {rows: floatRows(rowF32AVX2)},
	formats.F16:  {rows: floatRows(rowF16AVX2)},
	formats.BF16: {rows: floatRows(rowBF16AVX2)},

	formats.Q4_0: {rows: legacyRows(rowQ40AVX2, nil), tiles: legacyTiles(tileSmall4)},
	formats.Q4_1: {rows: legacyRows(rowQ41AVX2, nil), tiles: legacyTiles(tileSmall4min)},
	formats.Q5_0: {rows: legacyRows(rowQ50AVX2, nil), tiles: legacyTiles(tileSmall5)},
	formats.Q5_1: {rows: legacyRows(rowQ51AVX2, nil), tiles: legacyTiles(tileSmall5min)},
	formats.Q8_0: {rows: legacyRows(rowQ80AVX2, nil), tiles: int16Tiles(tileWords)},

	formats.Q2_K: {rows: kquantRows(rowQ2KAVX2, nil), tiles: kquantTiles(tileSuper16, 16)},
	formats.Q3_K: {rows: kquantRows(rowQ3KAVX2, nil), tiles: kquantTiles(tileSigned16, 16)},
	formats.Q4_K: {rows: kquantRows(rowQ4KAVX2, nil), tiles: kquantTiles(tileSuper32, 32)},
	formats.Q5_K: {rows: kquantRows(rowQ5KAVX2, nil), tiles: kquantTiles(tileSuper16, 16)},
	formats.Q6_K: {rows: kquantRows(rowQ6KAVX2, nil), tiles: kquantTiles(tileSigned16wide, 16)},

	// Of signed codes, those with few values are multiplied as legacy types are.
	formats.IQ4_NL:  {rows: legacyRows(rowIQ4NLAVX2, nil), tiles: signedTiles(tileLevels)},
	formats.MXFP4:   {rows: legacyRows(rowMXFP4AVX2, nil), tiles: legacyTiles(tileSmall5)},
	formats.NVFP4:   {rows: block64Rows(rowNVFP4AVX2), tiles: signedTiles(tileLevels16)},
	formats.Q1_0:    {rows: block64Rows(rowQ1AVX2), tiles: legacyTiles(tileSmall4)},
	formats.Q2_0:    {rows: block64Rows(rowQ2AVX2), tiles: legacyTiles(tileSmall4)},
	formats.IQ4_XS:  {rows: codebookRows(rowIQ4XSAVX2), tiles: signedTiles(tileLevels)},
	formats.IQ3_S:   {rows: codebookRows(rowIQ3SAVX2), tiles: legacyTiles(tileSmall5)},
	formats.IQ3_XXS: {rows: codebookRows(rowIQ3XXSAVX2), tiles: signedTiles(tileLevels)},
	formats.IQ2_XXS: {rows: codebookRows(rowIQ2XXSAVX2), tiles: signedTiles(tileLevels)},
	formats.IQ2_XS:  {rows: codebookRows(rowIQ2XSAVX2), tiles: signedTiles(tileLevels16)},
	formats.IQ2_S:   {rows: codebookRows(rowIQ2SAVX2), tiles: signedTiles(tileLevels16)},
	formats.IQ1_S:   {rows: codebookRows(rowIQ1SAVX2), tiles: legacyTiles(tileSmall5)},
	formats.IQ1_M:   {rows: codebookRows(rowIQ1MAVX2), tiles: signedTiles(tileLevels16)},
	formats.TQ1_0:   {rows: codebookRows(rowTQ1AVX2), tiles: legacyTiles(tileSmall4)},
	formats.TQ2_0:   {rows: codebookRows(rowTQ2AVX2), tiles: legacyTiles(tileSmall4)},
}

// What assembly reads of formats/block: the values of codes, and the scales of MXFP4 and NVFP4.
var (
	uneven4, float4 = block.Nonlinear4, block.Float4
	powers          = scaleTable(block.FromE8M0Half)
	fractions       = scaleTable(block.FromUE4M3Half)
)

func scaleTable(of func(uint8) float32) (p [256]float32) {
	for e := range p {
		p[e] = of(uint8(e))
	}
	return p
}

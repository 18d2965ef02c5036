//go:build !purego

package kernel

// avx2 uses AVX2, FMA and F16C instructions.
var avx2 = &Set{
	Name:         "avx2",
	load:         loadAVX2,
	interleave:   interleaveAVX2,
	matmul:       productsAVX2.matmul,
	gemmPanels:   productsAVX2.gemmPanels,
	packPanel:    productsAVX2.packPanel,
	addPart:      addPartAVX2,
	scale:        scaleAVX2,
	softmax:      softmaxAVX2,
	logSumExp:    logSumExpAVX2,
	rmsNorm:      rmsNormAVX2,
	add:          addAVX2,
	addScaled:    addScaledAVX2,
	center:       centerAVX2,
	roundBF16:    roundBF16AVX2,
	sumSquares:   sumSquaresAVX2,
	klDivergence: klDivergenceAVX2,
	rope:         ropeAVX2,
	activations:  activationsAVX2,
	join:         joinGeneric,
	weavePlain:   weavePlainGeneric,
	spins:        spinsAVX2,
}

var productsAVX2 = &products{
	super32:      tileSuper32,
	super16:      tileSuper16,
	signed16:     tileSigned16,
	signed16wide: tileSigned16wide,
	small4:       tileSmall4,
	small4min:    tileSmall4min,
	small5:       tileSmall5,
	small5min:    tileSmall5min,
	words:        tileWords,
	float:        tileFloat,
	levels:       tileLevels,
	levels16:     tileLevels16,
	transpose:    transpose8,
	floatsF16:    floatsF16,
	floatsBF16:   floatsBF16,
	wordsQ8:      wordsQ8,
	rows:         rowsAVX2,
}

//go:build !purego

package vec

// avx2 takes vectors of eight numbers.
var avx2 = &Set{
	addPart:        addPartOf(addPartAVX2),
	maximum:        maximum8,
	deltaStep:      deltaStepOf(deltaStepAVX2),
	scale:          scale8,
	softmax:        softmaxOf(8, expSumAVX2, maximum8, scale8, generic),
	logSumExp:      logSumExpOf(8, sumExpAVX2, maximum8, generic),
	rmsNorm:        rmsNormOf(8, squaresAVX2, normAVX2),
	add:            twoSlices(8, addAVX2, addGeneric),
	addScaled:      twoSlicesBy(8, addScaledAVX2, addScaledGeneric),
	mul:            twoSlices(8, mulAVX2, mulGeneric),
	addProduct:     threeSlices(8, addProductAVX2, addProductGeneric),
	conv:           convFuncs{8, convs{2: conv2AVX2, 3: conv3AVX2, 4: conv4AVX2}},
	center:         centerOf(8, sumAVX2, shiftAVX2),
	sumSquares:     twoSlices(8, addSquaresAVX2, sumSquaresGeneric),
	klDivergence:   klDivergenceOf(8, divergenceAVX2, generic),
	rope:           ropeOf(8, rotateAVX2, rotatePairsAVX2),
	siluMul:        twoSlices(8, siluMulAVX2, siluMulGeneric),
	geluMul:        twoSlices(8, geluMulAVX2, geluMulGeneric),
	geluTanhMul:    twoSlices(8, geluTanhMulAVX2, geluTanhMulGeneric),
	swigluOAIMul:   twoSlicesBy(8, swigluOAIMulAVX2, swigluOAIMulGeneric),
	reluSquaredMul: twoSlices(8, reluSquaredMulAVX2, reluSquaredMulGeneric),
	xielu:          xieluOf(8, xieluAVX2, xieluGeneric),
	sigmoid:        oneSlice(8, sigmoidAVX2, sigmoidGeneric),
	softCap:        oneSliceBy(8, capOf(softCapAVX2), softCapGeneric),

	stateSpace: stateSpaceOf(8, softplusAVX2, expAVX2, stepStateAVX2, decayRowsAVX2, mulRowsAVX2),
}

var (
	maximum8 = maximumOf(8, maxAVX2, generic)
	scale8   = oneSliceBy(8, scaleAVX2, scaleGeneric)
)

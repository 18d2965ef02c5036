//go:build !purego

package vec

// avx2 takes vectors of eight numbers.
var avx2 = &Set{
	addPart:      addPartOf(runningPart),
	maximum:      maximumAVX2,
	scale:        scaleAVX2,
	softmax:      softmaxOf(8, vectorExpSum, maximumAVX2, scaleAVX2, generic),
	logSumExp:    logSumExpOf(8, vectorSumExp, maximumAVX2, generic),
	rmsNorm:      rmsNormOf(8, vectorSquares, vectorNorm),
	add:          twoSlices(8, vectorAdd, addGeneric),
	addScaled:    twoSlicesBy(8, vectorAddScaled, addScaledGeneric),
	center:       centerOf(8, vectorSum, vectorShift),
	sumSquares:   twoSlices(8, vectorAddSquares, sumSquaresGeneric),
	klDivergence: klDivergenceOf(8, vectorDivergence, generic),
	rope:         ropeOf(8, vectorRotate, vectorRotatePairs),
	siluMul:      twoSlices(8, vectorSiLUMul, siluMulGeneric),
	geluMul:      twoSlices(8, vectorGELUMul, geluMulGeneric),
	geluTanhMul:  twoSlices(8, vectorGELUTanhMul, geluTanhMulGeneric),
	swigluOAIMul: twoSlicesBy(8, vectorSwiGLUOAIMul, swigluOAIMulGeneric),
	sigmoid:      oneSlice(8, vectorSigmoid, sigmoidGeneric),
	softCap:      oneSliceBy(8, capOf(vectorCap), softCapGeneric),
}

var (
	maximumAVX2 = maximumOf(8, vectorMax, generic)
	scaleAVX2   = oneSliceBy(8, vectorScale, scaleGeneric)
)

//go:build !purego

package kernel

import "math"

var vectorsAVX2 = vectors{
	addPart:      addPartAVX2,
	scale:        scaleAVX2,
	softmax:      softmaxAVX2,
	logSumExp:    logSumExpAVX2,
	rmsNorm:      rmsNormAVX2,
	add:          addAVX2,
	addScaled:    addScaledAVX2,
	center:       centerAVX2,
	sumSquares:   sumSquaresAVX2,
	klDivergence: klDivergenceAVX2,
	rope:         ropeAVX2,
	activations:  activationsAVX2,
}

// The generated functions take whole vectors of eight; what is left of a slice is done by the generic functions.

func maximumAVX2(x []float32) float32 {
	whole := len(x) &^ 7
	if whole == 0 {
		return maximumGeneric(x)
	}
	top := vectorMax(&x[0], whole)
	for _, v := range x[whole:] {
		top = max(top, v)
	}
	return top
}

func scaleAVX2(x []float32, f float32) {
	whole := len(x) &^ 7
	if whole > 0 {
		vectorScale(&x[0], whole, f)
	}
	scaleGeneric(x[whole:], f)
}

func softmaxAVX2(x []float32, scale float32) {
	whole := len(x) &^ 7
	if whole == 0 || !(scale >= 0) {
		softmaxGeneric(x, scale)
		return
	}
	top := scale * maximumAVX2(x)
	sum := vectorExpSum(&x[0], whole, scale, top)
	for i := whole; i < len(x); i++ {
		x[i] = exp(scale*x[i] - top)
		sum += float64(x[i])
	}
	inverse := float32(1 / sum)
	scaleAVX2(x, inverse)
}

func logSumExpAVX2(x []float32) float64 {
	whole := len(x) &^ 7
	if whole == 0 {
		return logSumExpGeneric(x)
	}
	top := maximumAVX2(x)
	if math.IsInf(float64(top), 0) {
		return logSumExpGeneric(x)
	}
	sum := vectorSumExp(&x[0], whole, 1, top)
	for _, v := range x[whole:] {
		sum += float64(exp(v - top))
	}
	return float64(top) + math.Log(sum)
}

func rmsNormAVX2(dst, x, gain []float32, eps float32) {
	whole := len(x) &^ 7
	var sum float64
	if whole > 0 {
		sum = vectorSquares(&x[0], whole)
	}
	for _, v := range x[whole:] {
		sum += float64(v) * float64(v)
	}
	scale := rmsScale(sum, len(x), eps)
	if whole > 0 {
		vectorNorm(&dst[0], &x[0], &gain[0], whole, scale)
	}
	for i := whole; i < len(x); i++ {
		dst[i] = x[i] * scale * gain[i]
	}
}

func centerAVX2(dst, x []float32) {
	whole := len(x) &^ 7
	var sum float64
	if whole > 0 {
		sum = vectorSum(&x[0], whole)
	}
	for _, v := range x[whole:] {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	if whole > 0 {
		vectorShift(&dst[0], &x[0], whole, mean)
	}
	for i := whole; i < len(x); i++ {
		dst[i] = float32(float64(x[i]) - mean)
	}
}

var addAVX2 = inPairs(8, vectorAdd, addGeneric)

func addScaledAVX2(dst, x []float32, f float32) {
	whole := len(dst) &^ 7
	if whole > 0 {
		vectorAddScaled(&dst[0], &x[0], whole, f)
	}
	addScaledGeneric(dst[whole:], x[whole:], f)
}

var sumSquaresAVX2 = inPairs(8, vectorAddSquares, sumSquaresGeneric)

func klDivergenceAVX2(p, q []float32, lseP, lseQ float64) float64 {
	whole := len(p) &^ 7
	var sum float64
	if whole > 0 {
		sum = vectorDivergence(&p[0], &q[0], whole, lseP, lseP-lseQ)
	}
	return sum + klDivergenceGeneric(p[whole:], q[whole:], lseP, lseQ)
}

func ropeAVX2(x, cos, sin []float32, interleaved bool) {
	n := len(cos)
	if n == 0 || n%8 != 0 {
		ropeGeneric(x, cos, sin, interleaved)
		return
	}
	if interleaved {
		vectorRotatePairs(&x[0], &cos[0], &sin[0], n)
		return
	}
	vectorRotate(&x[0], &x[n], &cos[0], &sin[0], n)
}

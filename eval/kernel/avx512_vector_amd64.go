//go:build !purego

package kernel

import "math"

var vectorsAVX512 = func() vectors {
	v := vectorsAVX2
	v.addPart, v.softmax, v.logSumExp, v.klDivergence = addPartAVX512, softmaxAVX512, logSumExpAVX512, klDivergenceAVX512
	v.activations = activationsAVX512
	return v
}()

// The generated functions take whole vectors of sixteen; the AVX2 functions do what is left of a slice.

func softmaxAVX512(x []float32, scale float32) {
	whole := len(x) &^ 15
	if whole == 0 || !(scale >= 0) {
		softmaxAVX2(x, scale)
		return
	}
	top := scale * maximumAVX2(x)
	sum := wideExpSum(&x[0], whole, scale, top)
	for i := whole; i < len(x); i++ {
		x[i] = exp(scale*x[i] - top)
		sum += float64(x[i])
	}
	scaleAVX2(x, float32(1/sum))
}

func logSumExpAVX512(x []float32) float64 {
	whole := len(x) &^ 15
	if whole == 0 {
		return logSumExpAVX2(x)
	}
	top := maximumAVX2(x)
	if math.IsInf(float64(top), 0) {
		return logSumExpGeneric(x)
	}
	sum := wideSumExp(&x[0], whole, 1, top)
	for _, v := range x[whole:] {
		sum += float64(exp(v - top))
	}
	return float64(top) + math.Log(sum)
}

func klDivergenceAVX512(p, q []float32, lseP, lseQ float64) float64 {
	whole := len(p) &^ 15
	var sum float64
	if whole > 0 {
		sum = wideDivergence(&p[0], &q[0], whole, lseP, lseP-lseQ)
	}
	return sum + klDivergenceAVX2(p[whole:], q[whole:], lseP, lseQ)
}

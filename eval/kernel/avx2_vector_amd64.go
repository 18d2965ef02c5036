//go:build !purego

package kernel

import (
	"math"

	"bitmill/formats/block"
)

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

func roundBF16AVX2(x []float32) {
	whole := len(x) &^ 15
	if whole > 0 {
		roundBF16(&x[0], nil, &x[0], whole)
	}
	roundBF16Generic(x[whole:])
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

// loadAVX2 converts one token; see loadGeneric.
func loadAVX2(b *Activations, t int, x []float32) {
	if b.form == FormF32 || len(x) == 0 {
		loadGeneric(b, t, x)
		return
	}
	if b.form == FormBF16 {
		loadBF16AVX2(b, t, x)
		return
	}
	codes, sums := &b.codes[t*b.stride], &b.sums16[t*(b.cols/16)]
	if b.form.codes() == FormQ8_K {
		load256(codes, sums, &b.sums32[t*(b.cols/32)], &b.d[t*(b.cols/256)], &x[0], b.cols/256)
		b.putValuesAVX2(t)
		return
	}
	var s *float32
	var words *int16
	if b.form != FormQ8_1 {
		words = &b.words[t*b.stride]
	} else {
		s = &b.s[t*(b.cols/32)]
	}
	load32(codes, words, sums, &b.d[t*(b.cols/32)], s, &x[0], b.cols/32)
	b.putValuesAVX2(t)
}

func loadBF16AVX2(b *Activations, t int, x []float32) {
	whole := len(x) &^ 15
	if whole > 0 {
		var brain *uint16
		if len(b.brain) > 0 {
			brain = &b.brain[t*b.stride]
		}
		roundBF16(&b.f32[t*b.stride], brain, &x[0], whole)
	}
	for i := whole; i < len(x); i++ {
		b.f32[t*b.stride+i] = block.FromBF16(block.BF16(x[i]))
	}
	b.putBrain(t, whole)
}

func (b *Activations) putValuesAVX2(t int) {
	if b.form.values() {
		size := b.form.Block()
		scaleCodes(&b.f32[t*b.stride], &b.codes[t*b.stride], &b.d[t*b.cols/size], b.cols/size, size)
	}
}

// interleaveAVX2 writes the panel of eight tokens from t on.
func interleaveAVX2(b *Activations, t int) {
	panel, blocks := &b.panelOf(t)[0], b.cols/b.form.Block()
	switch d := &b.d[t*blocks]; b.form.codes() {
	case FormQ8_K:
		interleave256(panel, d, &b.sums16[16*t*blocks], blocks)
	case FormQ8_1:
		interleave32(panel, d, &b.s[t*blocks], &b.sums16[2*t*blocks], blocks)
	default:
		interleave32(panel, d, nil, &b.sums16[2*t*blocks], blocks)
	}
}

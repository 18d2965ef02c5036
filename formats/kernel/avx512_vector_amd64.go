//go:build !purego

package kernel

import "math"

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

// loadAVX512 converts one token; see loadGeneric. Blocks of 256 that are out of the ordinary are left to AVX2.
func loadAVX512(b *Batch, t int, x []float32) {
	if b.form.codes() != FormQ8_K || len(x) == 0 {
		loadAVX2(b, t, x)
		return
	}
	blocks := b.cols / 256
	for i := 0; i < blocks; {
		at := t*blocks + i
		left := wideLoad256(&b.codes[t*b.stride+256*i], &b.sums16[16*at], &b.sums32[8*at], &b.d[at], &x[256*i], blocks-i)
		if i = blocks - left; left > 0 {
			at = t*blocks + i
			load256(&b.codes[t*b.stride+256*i], &b.sums16[16*at], &b.sums32[8*at], &b.d[at], &x[256*i], 1)
			i++
		}
	}
	b.putValuesAVX2(t)
}

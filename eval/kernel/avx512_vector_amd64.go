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

// loadAVX512 converts one token; see loadGeneric. AVX2 does what is left: blocks of 256 that are out of the ordinary,
// and fewer than eight of 32.
func loadAVX512(b *Activations, t int, x []float32) {
	switch {
	case b.form.float() || len(x) < 256:
		loadAVX2(b, t, x)
	case b.form.codes() == FormQ8_K:
		b.load256(t, x)
	default:
		b.load32(t, x)
	}
}

func (b *Activations) load256(t int, x []float32) {
	codes, blocks := b.codes[t*b.stride:], b.cols/256
	for i := 0; i < blocks; i++ {
		at := t*blocks + i
		left := wideLoad256(&codes[256*i], &b.sums16[16*at], &b.sums32[8*at], &b.d[at], &x[256*i], blocks-i)
		if left == 0 {
			break
		}
		i = blocks - left
		at = t*blocks + i
		load256(&codes[256*i], &b.sums16[16*at], &b.sums32[8*at], &b.d[at], &x[256*i], 1)
	}
	b.putValuesAVX2(t)
}

func (b *Activations) load32(t int, x []float32) {
	blocks, whole := b.cols/32, b.cols/256*8
	for i, n := range [2]int{whole, blocks - whole} {
		if n == 0 {
			continue
		}
		at := i * whole
		codes, sums, d := &b.codes[t*b.stride+32*at], &b.sums16[2*(t*blocks+at)], &b.d[t*blocks+at]
		var s *float32
		var words *int16
		if b.form != FormQ8_1 {
			words = &b.words[t*b.stride+32*at]
		} else {
			s = &b.s[t*blocks+at]
		}
		if i == 0 {
			wideLoad32(codes, words, sums, d, s, &x[0], n/8)
		} else {
			load32(codes, words, sums, d, s, &x[32*at], n)
		}
	}
	b.putValuesAVX2(t)
}

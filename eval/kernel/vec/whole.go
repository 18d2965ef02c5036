package vec

import "math"

// Generated functions take whole vectors: a multiple of width numbers, where width is a power of two. The functions
// here turn them into functions of slices of any length; the rest of a slice goes to the next simpler set.

// oneSlice is for functions of a slice.
func oneSlice(width int, vectors func(x *float32, n int), rest func(x []float32)) func(x []float32) {
	return func(x []float32) {
		whole := len(x) &^ (width - 1)
		if whole > 0 {
			vectors(&x[0], whole)
		}
		rest(x[whole:])
	}
}

// oneSliceBy is for functions of a slice and a number.
func oneSliceBy(width int, vectors func(x *float32, n int, f float32),
	rest func(x []float32, f float32)) func(x []float32, f float32) {
	return func(x []float32, f float32) {
		whole := len(x) &^ (width - 1)
		if whole > 0 {
			vectors(&x[0], whole, f)
		}
		rest(x[whole:], f)
	}
}

// twoSlices is for functions of two slices.
func twoSlices(width int, vectors func(dst, x *float32, n int), rest func(dst, x []float32)) func(dst, x []float32) {
	return func(dst, x []float32) {
		whole := len(dst) &^ (width - 1)
		if whole > 0 {
			vectors(&dst[0], &x[0], whole)
		}
		rest(dst[whole:], x[whole:])
	}
}

// twoSlicesBy is for functions of two slices and a number.
func twoSlicesBy(width int, vectors func(dst, x *float32, n int, f float32),
	rest func(dst, x []float32, f float32)) func(dst, x []float32, f float32) {
	return func(dst, x []float32, f float32) {
		whole := len(dst) &^ (width - 1)
		if whole > 0 {
			vectors(&dst[0], &x[0], whole, f)
		}
		rest(dst[whole:], x[whole:], f)
	}
}

// threeSlices is for functions of three slices.
func threeSlices(width int, vectors func(dst, x, y *float32, n int),
	rest func(dst, x, y []float32)) func(dst, x, y []float32) {
	return func(dst, x, y []float32) {
		whole := len(dst) &^ (width - 1)
		if whole > 0 {
			vectors(&dst[0], &x[0], &y[0], whole)
		}
		rest(dst[whole:], x[whole:], y[whole:])
	}
}

// maximumOf is for the largest number; below is the next simpler set, which takes slices that are too short.
func maximumOf(width int, vectors func(x *float32, n int) float32, below *Set) func(x []float32) float32 {
	return func(x []float32) float32 {
		whole := len(x) &^ (width - 1)
		if whole == 0 {
			return below.maximum(x)
		}
		top := vectors(&x[0], whole)
		for _, v := range x[whole:] {
			top = max(top, v)
		}
		return top
	}
}

// softmaxOf is for Softmax: expSum sets x[i] = exp(scale*x[i] - top) and returns the sum.
func softmaxOf(width int, expSum func(x *float32, n int, scale, top float32) float64, maximum func(x []float32) float32,
	scaleBy func(x []float32, f float32), below *Set) func(x []float32, scale float32) {
	return func(x []float32, scale float32) {
		whole := len(x) &^ (width - 1)
		if whole == 0 || !(scale >= 0) {
			below.softmax(x, scale)
			return
		}
		top := scale * maximum(x)
		sum := expSum(&x[0], whole, scale, top)
		for i := whole; i < len(x); i++ {
			x[i] = exp(scale*x[i] - top)
			sum += float64(x[i])
		}
		scaleBy(x, float32(1/sum))
	}
}

// logSumExpOf is for LogSumExp: sumExp returns the sum of exp(scale*x[i] - top).
func logSumExpOf(width int, sumExp func(x *float32, n int, scale, top float32) float64,
	maximum func(x []float32) float32, below *Set) func(x []float32) float64 {
	return func(x []float32) float64 {
		whole := len(x) &^ (width - 1)
		if whole == 0 {
			return below.logSumExp(x)
		}
		top := maximum(x)
		if math.IsInf(float64(top), 0) {
			return logSumExpGeneric(x) // NaN if there is one
		}
		sum := sumExp(&x[0], whole, 1, top)
		for _, v := range x[whole:] {
			sum += float64(exp(v - top))
		}
		return float64(top) + math.Log(sum)
	}
}

// klDivergenceOf is for KLDivergence: divergence returns the sum of w*(p[i] - q[i] - delta), w = exp(p[i]-lseP), over
// the terms with w > 0.
func klDivergenceOf(width int, divergence func(p, q *float32, n int, lseP, delta float64) float64,
	below *Set) func(p, q []float32, lseP, lseQ float64) float64 {
	return func(p, q []float32, lseP, lseQ float64) float64 {
		whole := len(p) &^ (width - 1)
		var sum float64
		if whole > 0 {
			sum = divergence(&p[0], &q[0], whole, lseP, lseP-lseQ)
		}
		return sum + below.klDivergence(p[whole:], q[whole:], lseP, lseQ)
	}
}

// rmsNormOf is for RMSNorm: squares returns a sum of squares, norm sets dst[i] = x[i]*scale*gain[i].
func rmsNormOf(width int, squares func(x *float32, n int) float64,
	norm func(dst, x, gain *float32, n int, scale float32)) func(dst, x, gain []float32, eps float32) {
	return func(dst, x, gain []float32, eps float32) {
		whole := len(x) &^ (width - 1)
		var sum float64
		if whole > 0 {
			sum = squares(&x[0], whole)
		}
		for _, v := range x[whole:] {
			sum += float64(v) * float64(v)
		}
		scale := rmsScale(sum, len(x), eps)
		if whole > 0 {
			norm(&dst[0], &x[0], &gain[0], whole, scale)
		}
		for i := whole; i < len(x); i++ {
			dst[i] = x[i] * scale * gain[i]
		}
	}
}

// centerOf is for the first half of LayerNorm: shift sets dst[i] = x[i]-by.
func centerOf(width int, sumOf func(x *float32, n int) float64,
	shift func(dst, x *float32, n int, by float64)) func(dst, x []float32) {
	return func(dst, x []float32) {
		whole := len(x) &^ (width - 1)
		var sum float64
		if whole > 0 {
			sum = sumOf(&x[0], whole)
		}
		for _, v := range x[whole:] {
			sum += float64(v)
		}
		mean := sum / float64(len(x))
		if whole > 0 {
			shift(&dst[0], &x[0], whole, mean)
		}
		for i := whole; i < len(x); i++ {
			dst[i] = float32(float64(x[i]) - mean)
		}
	}
}

// ropeOf is for RoPE: halves rotates pairs (a[i], b[i]), pairs (x[2i], x[2i+1]), both by the angle of cos[i], sin[i].
func ropeOf(width int, halves func(a, b, cos, sin *float32, n int),
	pairs func(x, cos, sin *float32, n int)) func(x, cos, sin []float32, interleaved bool) {
	return func(x, cos, sin []float32, interleaved bool) {
		switch n := len(cos); {
		case n == 0 || n%width != 0:
			ropeGeneric(x, cos, sin, interleaved)
		case interleaved:
			pairs(&x[0], &cos[0], &sin[0], n)
		default:
			halves(&x[0], &x[n], &cos[0], &sin[0], n)
		}
	}
}

// addPartOf is for AddPart; stride is in bytes.
func addPartOf(part func(x *float32, stride, width int, seen *int32, rows int, factor float32, top, factors *float32,
	sum *float64)) func(r *RunningSoftmax, x []float32, stride, width int, seen []int32, f float32) {
	return func(r *RunningSoftmax, x []float32, stride, width int, seen []int32, f float32) {
		part(&x[0], 4*stride, width, &seen[0], len(seen), f, &r.Top[0], &r.Factor[0], &r.Sum[0])
	}
}

// capOf adapts a generated function of SoftCap, which takes 2/limit too.
func capOf(f func(x *float32, n int, twice, limit float32)) func(x *float32, n int, limit float32) {
	return func(x *float32, n int, limit float32) { f(x, n, 2/limit, limit) }
}

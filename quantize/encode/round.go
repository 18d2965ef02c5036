package encode

import "math"

// roundBias is 1.5 * 2^23. A float32 sum with it has no bits left for a fraction, so the addition itself rounds to the
// nearest integer, ties to even.
const roundBias = 12582912

// nearest rounds v to the nearest integer, ties to even, for |v| <= 2^22. Beyond that (and for NaN) the low bits of the
// sum decide, as in ggml's nearest_int; such values do occur, for example when a block of subnormal numbers makes the
// inverse of its range infinite.
func nearest(v float32) int32 {
	return int32(math.Float32bits(float32(v)+roundBias)&0x7fffff) - 0x400000
}

// level is nearest(v) held between low and high, as a float. It stays in the mantissa of the biased sum: comparing bits
// as integers compiles to conditional moves, where branches on floats would be mispredicted.
func level(v float32, low, high int32) float32 {
	const zero, exponent = 0x400000, 0x4b000000 // the mantissa of roundBias, and its other bits
	m := int32(math.Float32bits(float32(v)+roundBias) & 0x7fffff)
	m = max(low+zero, min(high+zero, m))
	return math.Float32frombits(uint32(m)|exponent) - roundBias
}

// truncate drops the fraction as x86 does: NaN and values outside int32 become the smallest int32.
func truncate(v float32) int32 {
	if v >= math.MinInt32 && v < -math.MinInt32 {
		return int32(v)
	}
	return math.MinInt32
}

// roundHalfAway rounds to the nearest integer, ties away from zero (C's roundf), for |v| < 2^22: it truncates after
// adding the largest number below one half with v's sign.
func roundHalfAway(v float32) int32 {
	const belowHalf = 0x3effffff
	return truncate(float32(v) + math.Float32frombits(belowHalf|math.Float32bits(v)&0x80000000))
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ 0x80000000) }

// sqrt32 is the correctly rounded float32 square root (a float64 root rounded to float32 equals it).
func sqrt32(v float32) float32 { return float32(math.Sqrt(float64(v))) }

// sumSquares adds v*v in order.
func sumSquares(x []float32) float32 {
	var sum float32
	for _, v := range x {
		sum += float32(v * v)
	}
	return sum
}

// sum adds in order.
func sum(x []float32) float32 {
	var s float32
	for _, v := range x {
		s += v
	}
	return s
}

// largest returns the value of the largest magnitude (the first of equals; 0 for zeros) and that magnitude.
func largest(x []float32) (value, magnitude float32) {
	for _, v := range x {
		if a := abs32(v); a > magnitude {
			value, magnitude = v, a
		}
	}
	return value, magnitude
}

// extent returns the smallest and the largest value.
func extent(x []float32) (low, high float32) {
	low, high = x[0], x[0]
	for _, v := range x {
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	return low, high
}

// importanceWeights sets w[i] = importance[i] * sqrt(variance + x[i]^2), the weight of an error at x[i] with an
// imatrix.
func importanceWeights(w, importance, x []float32, variance float32) {
	importance, x = importance[:len(w)], x[:len(w)]
	for i, v := range x {
		w[i] = float32(importance[i] * sqrt32(variance+float32(v*v)))
	}
}

// tiny is the magnitude below which a sub-block counts as zero.
const tiny = 1e-15

// squares sets w[i] = x[i]^2.
func squares(w, x []float32) {
	w = w[:len(x)]
	for i, v := range x {
		w[i] = v * v
	}
}

// columns is importance from column at on; nil stays nil.
func columns(importance []float32, at int) []float32 {
	if importance == nil {
		return nil
	}
	return importance[at:]
}

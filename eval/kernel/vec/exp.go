package vec

import "math"

// Exponentials are polynomials in float32, the same as those of the generated functions, to the last bit.

// expSeries are the coefficients, highest first, of p in exp(r) = 1 + r + r²·p(r), |r| <= log(2)/2, with the smallest
// greatest relative error (3.1e-9, found by the Remez exchange).
var expSeries = [...]float32{
	0.0013814598567922628, 0.008368716878493023, 0.04166838804689845, 0.16666520631723022, 0.4999999344778866,
}

// powerSeries are those of 2^r = 1 + r·p(r), 0 <= r < 1 (9e-8).
var powerSeries = [...]float32{
	0.001867130213318159, 0.0090170300187981, 0.05579991332066152, 0.24016445009570767, 0.6931513118094635, 1,
}

// polynomial is the value of a polynomial at x by Horner's rule; coefficients are the highest first.
func polynomial(coefficients []float32, x float32) float32 {
	p := coefficients[0]
	for _, c := range coefficients[1:] {
		p = FMA(p, x, c)
	}
	return p
}

// reduce returns n and r + r²·p(r) of x = n·log(2) + r. log(2) is split in two so that n times the first part is exact.
func reduce(x float32) (n, series float32) {
	const high = 0.693359375
	n = float32(math.RoundToEven(float64(float32(x * float32(math.Log2E)))))
	r := FMA(-n, high, x)
	r = FMA(-n, float32(math.Ln2-high), r)
	return n, FMA(polynomial(expSeries[:], r), float32(r*r), r)
}

// exp is the exponential, rounded once below the smallest normal number. NaN stays.
func exp(x float32) float32 {
	if x != x {
		return x
	}
	n, series := reduce(min(max(x, -104), 89))
	return float32(float64(1+series) * twoTo(n))
}

// expm1 is exp(x)-1 for -80 <= x <= 80.
func expm1(x float32) float32 {
	if x != x {
		return x
	}
	n, series := reduce(x)
	power := float32(twoTo(n))
	return FMA(series, power, power-1)
}

// twoTo is 2^n.
func twoTo(n float32) float64 { return math.Float64frombits(uint64(1023+int64(n)) << 52) }

// exp2 is 2^x, or 0 below the smallest normal number. NaN stays.
func exp2(x float32) float32 {
	switch {
	case x != x:
		return x
	case x < -126:
		return 0
	}
	n := math.Floor(float64(x))
	return float32(float64(polynomial(powerSeries[:], float32(float64(x)-n))) * twoTo(float32(n)))
}

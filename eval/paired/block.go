package paired

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// BlockLength is the number of neighbouring items that are drawn together: o.Block when set, else the cube root of n
// or, where it is longer, the length that the series ask for (see blockOf); at most a third of n.
func (o Options) BlockLength(n int, series ...[]float64) int {
	if o.Looks {
		return 1
	}
	if o.Block > 0 {
		return min(o.Block, n)
	}
	length := math.Round(math.Cbrt(float64(n)))
	for _, x := range series {
		length = math.Max(length, math.Round(blockOf(x)))
	}
	return int(max(1, min(length, math.Floor(float64(n)/3))))
}

// blockOf is the block length that minimises the error of a circular block bootstrap's variance for the mean of a
// series, from its autocovariances up to the lag where they are lost in noise (Politis and White 2004, with the
// correction of Patton, Politis and White 2009).
func blockOf(x []float64) float64 {
	n, mean := len(x), stat.Mean(x, nil)
	covariance := func(lag int) float64 {
		sum := 0.0
		for i := lag; i < n; i++ {
			sum += (x[i] - mean) * (x[i-lag] - mean)
		}
		return sum / float64(n)
	}
	variance := covariance(0)
	if n < Least || !(variance > 0) {
		return 1
	}
	cut := 2 * lastLag(n, func(lag int) float64 { return covariance(lag) / variance })
	cut = min(max(cut, 2), n-1)
	spectrum, slope := variance, 0.0
	for lag := 1; lag <= cut; lag++ {
		weight := math.Min(1, 2*(1-float64(lag)/float64(cut))) // flat, then falling to zero
		c := 2 * weight * covariance(lag)
		spectrum += c
		slope += float64(lag) * c
	}
	if !(spectrum > 0) {
		return 1
	}
	return math.Cbrt(1.5 * slope * slope / (spectrum * spectrum) * float64(n))
}

// lastLag is the lag after which five correlations in a row are within noise.
func lastLag(n int, correlation func(lag int) float64) int {
	noise := 2 * math.Sqrt(math.Log10(float64(n))/float64(n))
	limit := min(n-1, int(math.Ceil(math.Sqrt(float64(n))))+5)
	quiet := 0
	for lag := 1; lag <= limit; lag++ {
		if math.Abs(correlation(lag)) >= noise {
			quiet = 0
			continue
		}
		if quiet++; quiet == 5 {
			return lag - 5
		}
	}
	return limit - quiet
}

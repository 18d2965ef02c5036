package bench

import "gonum.org/v1/gonum/stat"

// Samples are repetitions of one test.
type Samples []float64

// Mean is the average, 0 of none.
func (s Samples) Mean() float64 {
	if len(s) == 0 {
		return 0
	}
	return stat.Mean(s, nil)
}

// SD is the standard deviation of the repetitions (n-1 in the denominator), 0 of fewer than two.
func (s Samples) SD() float64 {
	if len(s) < 2 {
		return 0
	}
	return stat.StdDev(s, nil)
}

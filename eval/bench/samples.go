package bench

import "math"

// Samples are repetitions of one test.
type Samples []float64

// Mean is the average, 0 of none.
func (s Samples) Mean() float64 {
	sum := 0.0
	for _, x := range s {
		sum += x
	}
	return sum / float64(max(len(s), 1))
}

// SD is the standard deviation of the repetitions (n-1 in the denominator), 0 of fewer than two.
func (s Samples) SD() float64 {
	if len(s) < 2 {
		return 0
	}
	mean, sum := s.Mean(), 0.0
	for _, x := range s {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / float64(len(s)-1))
}

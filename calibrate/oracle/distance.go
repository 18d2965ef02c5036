package oracle

import "math"

// Compare measures the distance of got from want: relRMS is √(Σ(got-want)²/Σwant²), and argmaxAgree counts the rows
// whose largest value, the first of several, is in the same place. relRMS is NaN if the two differ in shape or have a
// NaN, so that no comparison of it with a limit succeeds.
func Compare(want, got [][]float32) (relRMS float64, argmaxAgree int) {
	var diff, size float64
	if len(want) != len(got) {
		diff = math.NaN()
	}
	for i := range min(len(want), len(got)) {
		w, g := want[i], got[i]
		if len(w) != len(g) {
			diff = math.NaN()
			continue
		}
		for j := range w {
			d := float64(g[j]) - float64(w[j])
			diff += d * d
			size += float64(w[j]) * float64(w[j])
		}
		if argmax(w) == argmax(g) {
			argmaxAgree++
		}
	}
	if diff == 0 {
		return 0, argmaxAgree
	}
	return math.Sqrt(diff / size), argmaxAgree
}

// argmax is the index of the largest value, the first of several; -1 for no values.
func argmax(x []float32) int {
	best := -1
	for i, v := range x {
		if best < 0 || v > x[best] {
			best = i
		}
	}
	return best
}

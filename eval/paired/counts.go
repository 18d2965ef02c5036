package paired

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Wilson is the score interval of a share k of n (Wilson 1927): it stays within 0..1 and holds at either end.
func Wilson(k, n int, level float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	z, p, m := Quantile(level), float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	reach := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	low, high = math.Max(0, middle-reach), math.Min(1, middle+reach)
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}

// McNemar is the exact two-sided p-value of two judges who answered the same questions: only those that one had right
// and the other wrong count, and without a difference each falls to either side like a coin (McNemar 1947).
func McNemar(onlyA, onlyB int) float64 {
	n := onlyA + onlyB
	if n == 0 {
		return 1
	}
	coin := distuv.Binomial{N: float64(n), P: 0.5}
	return math.Min(1, 2*coin.CDF(float64(min(onlyA, onlyB))))
}

// Holm corrects the p-values of comparisons made together, so that the chance of even one false finding stays below
// the level (Holm 1979). The result has the order of p; NaN stands for a comparison that was not made.
func Holm(p []float64) []float64 {
	var order []int
	out := make([]float64, len(p))
	for i, x := range p {
		out[i] = x
		if !math.IsNaN(x) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	least := 0.0
	for rank, i := range order {
		least = math.Max(least, math.Min(1, p[i]*float64(len(order)-rank)))
		out[i] = least
	}
	return out
}

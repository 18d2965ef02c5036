package sequential

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOrderIsSpread: the first 2^k items lie in as many equal parts on a circle, and every one is as
// likely as any other to be among the first.
func TestOrderIsSpread(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 64, 124, 1000} {
		early := make([]int, n)
		for seed := range uint64(400) {
			order := Order(n, rand.New(rand.NewPCG(seed, 1)))
			if sorted := slices.Sorted(slices.Values(order)); len(sorted) != n || sorted[0] != 0 ||
				len(slices.Compact(sorted)) != n || sorted[n-1] != n-1 {
				t.Fatalf("%d items: %v is not a permutation", n, order)
			}
			for k := 4; k <= n; k *= 4 {
				first := slices.Sorted(slices.Values(order[:k]))
				for i, w := range first {
					if gap := (first[(i+1)%k]-w+n-1)%n + 1; gap > 2*n/k+2 {
						t.Fatalf("%d items, seed %d: a gap of %d among the first %d", n, seed, gap, k)
					}
				}
			}
			for _, w := range order[:(n+3)/4] {
				early[w]++
			}
		}
		for w, count := range early {
			if want := float64((n+3)/4) / float64(n) * 400; n > 1 && (float64(count) < want-60 || float64(count) > want+60) {
				t.Errorf("%d items: item %d is among the first %d times of 400, want about %.0f", n, w, count, want)
			}
		}
	}
}

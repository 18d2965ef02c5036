package sequential

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestSigns: of real series less a limit right beside their mean, the first sign that is certain is the wrong one in at
// most 5 % of the orders, all series and both sides together, and in not much more of any of them.
func TestSigns(t *testing.T) {
	all, cases, worst, most := 0, 0, "", 0.0
	for name, x := range series(t) {
		mean := Of(x).Mean
		if mean < 1e-6 {
			continue
		}
		rng := rand.New(rand.NewPCG(uint64(len(name)), 9))
		for _, side := range []float64{-1, 1} {
			wrong := 0
			for range *runs {
				if sign := firstSign(x, mean*(1-1e-6*side), rng); sign*side < 0 {
					wrong++
				}
			}
			all, cases = all+wrong, cases+1
			if share := float64(wrong) / float64(*runs); share > most {
				worst, most = fmt.Sprintf("%s %+.0f", name, side), share
			}
		}
	}
	share := float64(all) / float64(cases**runs)
	t.Logf("wrong in %.4f of %d runs, at most in %.4f (%s)", share, cases**runs, most, worst)
	if share > 0.05 || most > 0.07+4*math.Sqrt(0.07*0.93/float64(*runs)) {
		t.Error("signs are wrong too often")
	}
}

// firstSign is the first sign of the mean less a limit that is certain before all items are there, 0 if none is.
func firstSign(x []float64, limit float64, rng *rand.Rand) float64 {
	var drawn []float64
	for _, i := range Order(len(x), rng) {
		drawn = append(drawn, x[i]-limit)
		if n := len(drawn); n >= Least && n%4 == 0 && n < len(x) {
			if s := Of(drawn); s.Wrong(Options{Population: len(x)}) < 0.05 {
				return math.Copysign(1, s.Mean)
			}
		}
	}
	return 0
}

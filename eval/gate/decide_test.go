package gate

import (
	"math/rand/v2"
	"testing"

	"bitmill/eval/score"
)

// scored are windows of ten tokens whose mean divergence varies about mean by a tenth of it.
func scored(n int, mean float64, seed uint64) []score.Window {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]score.Window, n)
	for i := range out {
		x := mean * (1 + 0.1*rng.NormFloat64())
		for range 10 {
			out[i].Add(score.Token{NLL: 3, RefNLL: 3, KLD: x, SameTop: true})
		}
	}
	return out
}

// TestNeed: an artifact needs more windows as long as one of its verdicts is open, and no more when all are certain.
func TestNeed(t *testing.T) {
	limit := func(x float64) *float64 { return &x }
	for name, c := range map[string]struct {
		rules []Rule
		n     int
		kld   []float64
		want  []int // windows next
	}{
		"far from everything":   {nil, 16, []float64{0.01, 0.02}, []int{16, 16}},
		"too few to look at":    {nil, 4, []float64{0.01, 0.02}, []int{8, 8}},
		"near the budget":       {nil, 16, []float64{0.1, 0.2}, []int{20, 16}},
		"near each other":       {nil, 16, []float64{0.0201, 0.02, 0.01}, []int{20, 20, 16}},
		"rounding is a tie":     {nil, 16, []float64{2e-7, 1e-7}, []int{16, 16}},
		"a rule near the value": {[]Rule{{Metric: "kld", Format: "B", Max: limit(0.0201)}}, 16, []float64{0.01, 0.02}, []int{16, 20}},
		"a rule far from it":    {[]Rule{{Metric: "kld", Format: "B", Max: limit(0.03)}}, 16, []float64{0.01, 0.02}, []int{16, 16}},
		"broken beyond doubt":   {[]Rule{{Metric: "kld", Max: limit(0.005)}}, 16, []float64{0.01, 0.02}, []int{16, 16}},
		"a maximum kept":        {[]Rule{{Metric: "kld_max", Format: "A", Max: limit(1)}}, 16, []float64{0.01, 0.02}, []int{20, 16}},
		"a maximum broken":      {[]Rule{{Metric: "kld_max", Format: "A", Max: limit(0.001)}}, 16, []float64{0.01, 0.02}, []int{16, 16}},
		"a quantile kept":       {[]Rule{{Metric: "kld_median", Max: limit(0.5)}}, 16, []float64{0.01, 0.02}, []int{16, 16}},
		"exact":                 {[]Rule{{Metric: "bpw", Max: limit(1)}}, 16, []float64{0.01, 0.02}, []int{16, 16}},
		"all windows are there": {nil, 100, []float64{0.0201, 0.02}, []int{100, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			var subjects []Subject
			for i, kld := range c.kld {
				subjects = append(subjects, Subject{Model: "m", Format: string(rune('A' + i)), Bits: int64(9 - i),
					Windows: scored(c.n, kld, uint64(i))})
			}
			d := Decision{Rules: c.rules, Fidelity: 0.1, Population: 100}
			for i, need := range d.Needs(subjects, 4) {
				if need.Next != c.want[i] || need.Likely < need.Next || (need.Next > c.n) != (need.For != "") && c.n < 100 {
					t.Errorf("artifact %d needs %+v; want %d", i, need, c.want[i])
				}
			}
		})
	}
}

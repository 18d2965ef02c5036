package threshold

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// bootstrap draws resamples of n chunks: circular blocks of neighbouring chunks, with replacement, so that likeness
// between neighbours (one book, one topic) is kept (Politis and Romano 1992). Two bootstraps with equal fields draw
// the same resamples.
type bootstrap struct {
	n, block int
	rng      *rand.Rand
	weights  []float64 // how often each chunk is drawn, over n: they sum to 1
}

func newBootstrap(n int, o Options) *bootstrap {
	return &bootstrap{n: n, block: blockLength(n, o), rng: rand.New(rand.NewPCG(o.Seed, 0)), weights: make([]float64, n)}
}

func blockLength(n int, o Options) int {
	if o.Block > 0 {
		return min(o.Block, n)
	}
	return max(1, int(math.Round(math.Cbrt(float64(n)))))
}

// next draws one resample into b.weights.
func (b *bootstrap) next() {
	clear(b.weights)
	unit := 1 / float64(b.n)
	for drawn := 0; drawn < b.n; {
		start := b.rng.IntN(b.n)
		for k := 0; k < b.block && drawn < b.n; k++ {
			b.weights[(start+k)%b.n] += unit
			drawn++
		}
	}
}

// mean is the mean of a chunk series over the present resample.
func (b *bootstrap) mean(series []float64) float64 {
	sum := 0.0
	for i, w := range b.weights {
		if w != 0 {
			sum += float64(w * series[i])
		}
	}
	return sum
}

// interval is the percentile interval of values, which it sorts. Infinite values may stand at either end.
func interval(values []float64, level float64) (low, high float64) {
	slices.Sort(values)
	return stat.Quantile((1-level)/2, stat.Empirical, values, nil), stat.Quantile((1+level)/2, stat.Empirical, values, nil)
}

// normalQuantile is z such that a standard normal lies within [-z, z] with probability level: 1.96 for 0.95.
func normalQuantile(level float64) float64 { return distuv.UnitNormal.Quantile((1 + level) / 2) }

// Difference is a paired difference with its interval, nats per token.
type Difference struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func (d Difference) rounded() Difference {
	return Difference{rounded(d.Mean), rounded(d.Low), rounded(d.High)}
}

// PairedDifference is the mean of a[i]-b[i] over chunks with the interval of a block bootstrap. It fails when the two
// do not cover the same chunks, when there are too few chunks for a bootstrap, and when a value is not finite.
func PairedDifference(a, b []float64, o Options) (Difference, error) {
	if len(a) != len(b) {
		return Difference{}, fmt.Errorf("%d chunks against %d: score both on the same text and context length", len(a), len(b))
	}
	if len(a) < minChunks {
		return Difference{}, fmt.Errorf("%d chunks are too few for a bootstrap, which takes %d: score more text", len(a), minChunks)
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	if !allFinite(d) {
		return Difference{}, fmt.Errorf("a chunk has no finite value")
	}
	return bootstrapMean(d, o.withDefaults()), nil
}

// bootstrapMean is the mean of a series and its bootstrap interval.
func bootstrapMean(series []float64, o Options) Difference {
	b := newBootstrap(len(series), o)
	means := make([]float64, o.Resamples)
	for i := range means {
		b.next()
		means[i] = b.mean(series)
	}
	low, high := interval(means, o.Level)
	return Difference{Mean: stat.Mean(series, nil), Low: low, High: high}
}

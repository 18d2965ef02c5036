package paired

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"bitmill/eval/sequential"
)

// Bootstrap draws resamples of n items: circular blocks of neighbours, with replacement, so that the correlation of
// neighbours (one book, one topic) is kept (Politis and Romano 1992).
//
// A mean of resampled blocks varies less than the mean does, the more so the fewer blocks there are. Resamples are
// therefore spread from the middle by Student's t over the normal quantile, times sqrt(k/(k-1)) for k blocks. In
// simulations an interval at 95 % then holds the truth in 96 % of cases when items are independent, in 92 % when
// neighbours correlate by 0.3 (TestCoverage); without the spread it was 90 % and 85 % for 24 items.
type Bootstrap struct {
	n, block int
	spread   float64
	rng      *rand.Rand
	weights  []float64 // of each item in the present resample: they sum to 1
}

// NewBootstrap draws from n items, in blocks that suit the given series; call Next before the first Mean. Equal
// arguments draw the same resamples.
func NewBootstrap(n int, o Options, series ...[]float64) *Bootstrap {
	o = o.WithDefaults()
	b := &Bootstrap{n: n, block: o.BlockLength(n, series...), rng: rand.New(rand.NewPCG(o.Seed, 0))}
	b.weights = make([]float64, n)
	b.spread = o.spread(n, float64(n)/float64(b.block))
	return b
}

// spread is the factor by which an interval of the normal distribution grows, for n items in so many blocks.
func (o Options) spread(n int, blocks float64) float64 {
	blocks = max(2, blocks)
	student := distuv.StudentsT{Sigma: 1, Nu: blocks - 1}
	spread := math.Sqrt(blocks/(blocks-1)) * student.Quantile((1+o.Level)/2) / Quantile(o.Level)
	if o.Looks {
		spread *= sequential.Widening(n, o.Level)
	}
	return spread
}

// Next draws a resample.
func (b *Bootstrap) Next() {
	unit := 1 / float64(b.n)
	for i := range b.weights {
		b.weights[i] = unit - b.spread*unit
	}
	for drawn := 0; drawn < b.n; {
		start := b.rng.IntN(b.n)
		for k := 0; k < b.block && drawn < b.n; k++ {
			b.weights[(start+k)%b.n] += b.spread * unit
			drawn++
		}
	}
}

// Mean is the mean of a series of n over the present resample.
func (b *Bootstrap) Mean(series []float64) float64 {
	sum := 0.0
	for i, w := range b.weights {
		sum += float64(w * series[i])
	}
	return sum
}

// Interval is the percentile interval of values, which it sorts. Values may be infinite.
func Interval(values []float64, level float64) (low, high float64) {
	slices.Sort(values)
	return stat.Quantile((1-level)/2, stat.Empirical, values, nil), stat.Quantile((1+level)/2, stat.Empirical, values, nil)
}

// Quantile is z such that a standard normal lies within [-z, z] with probability level: 1.96 for 0.95.
func Quantile(level float64) float64 { return distuv.UnitNormal.Quantile((1 + level) / 2) }

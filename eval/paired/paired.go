// Package paired compares measurements that were taken on the same items: two artifacts on the same windows of a text,
// two models on the same questions. What makes an item hard for both cancels, which reveals differences far below the
// errors of the two means.
//
// Series of numbers get intervals and p-values from a block bootstrap over neighbouring items; questions answered right
// or wrong get McNemar's exact test. Several comparisons made at once are corrected by Holm's method.
package paired

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// Options tune the bootstrap. The zero value is useful.
type Options struct {
	Level     float64 // confidence level of the intervals; 0 is 0.95
	Resamples int     // bootstrap resamples; 0 is 2000
	Seed      uint64  // of the bootstrap; 0 is 1
	Block     int     // neighbouring items drawn together; 0 asks the data (see BlockLength)
	// Looks says that items were taken at random until enough was known. Intervals are then wider, to hold at any look
	// (sequential.Widening), and items are drawn one by one.
	Looks bool
}

// WithDefaults replaces values that are zero or out of range.
func (o Options) WithDefaults() Options {
	if !(o.Level > 0 && o.Level < 1) {
		o.Level = 0.95
	}
	if o.Resamples <= 0 {
		o.Resamples = 2000
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	return o
}

// For is o with enough resamples for so many tests: a bootstrap's smallest p-value is one in its resamples, and must
// stay below the level when Holm corrects it.
func (o Options) For(tests int) Options {
	o = o.WithDefaults()
	o.Resamples = max(o.Resamples, int(math.Ceil(2*float64(tests)/(1-o.Level))))
	return o
}

// Least is the smallest number of items for a bootstrap.
const Least = 10

// Difference is a mean difference with its interval, in the unit of the series.
type Difference struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Rounded rounds all three.
func (d Difference) Rounded() Difference {
	return Difference{Round(d.Mean), Round(d.Low), Round(d.High)}
}

// Round keeps nine decimals: far below any error, and above what differs between processors.
func Round(x float64) float64 { return math.Round(x*1e9) / 1e9 }

// Test is a difference with the probability of one at least as large were there none (two-sided).
type Test struct {
	Difference
	P float64 `json:"p"`
}

// Compare is the mean of a[i]-b[i] with the interval and p-value of a block bootstrap. It fails when the two do not
// cover the same items, when there are too few for a bootstrap, and when a value is not finite.
func Compare(a, b []float64, o Options) (Test, error) {
	if len(a) != len(b) {
		return Test{}, fmt.Errorf("%d windows against %d: score both on the same text and context length", len(a), len(b))
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return Mean(d, o)
}

// Mean is the mean of a series against zero; it fails as Compare does.
func Mean(series []float64, o Options) (Test, error) {
	if len(series) < Least {
		return Test{}, fmt.Errorf("%d windows are too few for a bootstrap, which takes %d: score more text",
			len(series), Least)
	}
	for _, x := range series {
		if !(math.Abs(x) < 1e100) {
			return Test{}, fmt.Errorf("a window has no finite value")
		}
	}
	o = o.WithDefaults()
	b := NewBootstrap(len(series), o, series)
	t := Test{Difference: Difference{Mean: stat.Mean(series, nil)}}
	means := make([]float64, o.Resamples)
	beyond := 0
	for i := range means {
		b.Next()
		means[i] = b.Mean(series)
		// The resamples lie around the mean as the mean would around zero were there no difference.
		if math.Abs(means[i]-t.Mean) >= math.Abs(t.Mean) {
			beyond++
		}
	}
	t.P = float64(1+beyond) / float64(1+o.Resamples)
	t.Low, t.High = Interval(means, o.Level)
	return t, nil
}

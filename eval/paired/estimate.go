package paired

import (
	"math"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/sequential"
)

// Estimate is a measured mean: its value, its standard error, and the series behind it, nil where none was kept, with the
// numbers of its items (see Common).
type Estimate struct {
	Value, SE float64
	Series    []float64
	Items     []int
}

// Paired is the test of e less other on the items that both have; it fails as Compare does.
func (e Estimate) Paired(other Estimate, o Options) (Test, error) {
	at := Common([][]int{e.Items, other.Items}, []int{len(e.Series), len(other.Series)})
	return Compare(Pick(e.Series, at[0]), Pick(other.Series, at[1]), o)
}

// Against is the test of e less other on the items that both have. Where those are too few, the two standard errors count as
// independent, which overstates the error: what was hard was hard for both. With Looks, that holds at any look. Not ok when no error is known.
func (e Estimate) Against(other Estimate, o Options) (t Test, ok bool) {
	if t, err := e.Paired(other, o); err == nil {
		return t, true
	}
	d, se := e.Value-other.Value, math.Hypot(e.SE, other.SE)
	if !(math.Abs(d) < 1e100) || !(se > 0 && se < 1e100) {
		return Test{}, false
	}
	if n := min(len(e.Series), len(other.Series)); o.Looks && n >= sequential.Least { // fewer are all that there are
		se *= o.WithDefaults().spread(n, float64(n))
	}
	reach := Quantile(o.WithDefaults().Level) * se
	return Test{Difference{d, d - reach, d + reach}, math.Erfc(math.Abs(d) / se / math.Sqrt2)}, true
}

// On is the value of e on the items that Against tests: those that both have, or all of e's where they are too few.
func (e Estimate) On(other Estimate) float64 {
	at := Common([][]int{e.Items, other.Items}, []int{len(e.Series), len(other.Series)})
	if common := Pick(e.Series, at[0]); len(common) >= Least {
		return stat.Mean(common, nil)
	}
	return e.Value
}

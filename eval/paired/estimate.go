package paired

import "math"

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
// independent, which overstates the error: what was hard was hard for both. Not ok when no error is known.
func (e Estimate) Against(other Estimate, o Options) (t Test, ok bool) {
	if t, err := e.Paired(other, o); err == nil {
		return t, true
	}
	d, se := e.Value-other.Value, math.Hypot(e.SE, other.SE)
	if !(math.Abs(d) < 1e100) || !(se > 0 && se < 1e100) {
		return Test{}, false
	}
	reach := Quantile(o.WithDefaults().Level) * se
	return Test{Difference{d, d - reach, d + reach}, math.Erfc(math.Abs(d) / se / math.Sqrt2)}, true
}

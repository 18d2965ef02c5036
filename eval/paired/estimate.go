package paired

import "math"

// Estimate is a measured mean: its value, its standard error, and the series behind it, nil where none was kept.
type Estimate struct {
	Value, SE float64
	Series    []float64
}

// Against is the test of e less other on the same items. Where the series do not pair, the two standard errors count as
// independent, which overstates the error: what was hard was hard for both. Not ok when no error is known.
func (e Estimate) Against(other Estimate, o Options) (t Test, ok bool) {
	if t, err := Compare(e.Series, other.Series, o); err == nil {
		return t, true
	}
	d, se := e.Value-other.Value, math.Hypot(e.SE, other.SE)
	if !(math.Abs(d) < 1e100) || !(se > 0 && se < 1e100) {
		return Test{}, false
	}
	reach := Quantile(o.WithDefaults().Level) * se
	return Test{Difference{d, d - reach, d + reach}, math.Erfc(math.Abs(d) / se / math.Sqrt2)}, true
}

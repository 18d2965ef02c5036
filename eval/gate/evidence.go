package gate

import (
	"math"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/paired"
	"bitmill/eval/report"
	"bitmill/eval/sequential"
)

// evidence is what is known of a metric of an artifact, and of the same in the baseline.
type evidence struct {
	m           *metric
	value, base float64   // over the windows that both have
	series      []float64 // by window, less the baseline's; its mean is scale(value), less scale(base)
	se          float64   // where there is no series
	paired      bool      // there is a baseline
	apart       bool      // the two do not have the same windows, and nothing is known of those that both have
	sample      *report.Sample
}

// evidence of a row; base is nil without a baseline.
func (m *metric) evidence(row, base *report.Row) evidence {
	e := evidence{m: m, value: m.value(row), sample: row.Sample}
	var own []float64
	if m.series != nil {
		own = m.series(row)
	}
	if m.measured() {
		e.se = m.se(row)
	}
	if base == nil {
		e.series = own
		if len(own) > 0 { // a loss is that over all windows of the reference
			e.series = shifted(own, m.scale(e.value)-stat.Mean(own, nil))
		}
		return e
	}
	e.base, e.paired = m.value(base), true
	if m.measured() {
		e.se = math.Hypot(e.se, m.se(base))
	}
	if e.sample == nil {
		e.sample = base.Sample
	}
	at := paired.Common([][]int{row.Windows, base.Windows}, []int{len(row.WindowNLL), len(base.WindowNLL)})
	var other []float64
	if m.series != nil {
		other = m.series(base)
	}
	pairs := len(own) == len(row.WindowNLL) && len(other) == len(base.WindowNLL) && len(own) > 0 && len(other) > 0
	if at[0] != nil || at[1] != nil {
		if !pairs || at[0] != nil && len(at[0]) == 0 {
			e.apart = m.ofText()
			return e
		}
		if own, other = paired.Pick(own, at[0]), paired.Pick(other, at[1]); len(own) != len(other) {
			e.apart = true
			return e
		}
		e.value, e.base = m.back(stat.Mean(own, nil)), m.back(stat.Mean(other, nil))
	}
	if pairs {
		for i := range own {
			e.series = append(e.series, own[i]-other[i])
		}
	}
	return e
}

// windows are those that it is known over.
func (e *evidence) windows() int {
	if e.series == nil && e.sample != nil {
		return e.sample.Windows
	}
	return len(e.series)
}

func shifted(series []float64, by float64) []float64 {
	out := make([]float64, len(series))
	for i, x := range series {
		out[i] = x + by
	}
	return out
}

// less is the series whose mean is zero at the limit.
func (e *evidence) less(limit float64) []float64 {
	at := e.m.scale(limit)
	if e.paired {
		at -= e.m.scale(e.base)
	}
	return shifted(e.series, -at)
}

// chance is the two-sided p-value of the value's distance from the limit. With a baseline, the error is that of the
// paired difference, or of the two standard errors where the series do not pair; not ok when there is none. Of windows
// that were taken until enough was known, it holds at any look.
func (e *evidence) chance(limit float64, o Options) (p float64, ok bool) {
	if e.series != nil && e.sample != nil {
		return sequential.Of(e.less(limit)).Chance(sequential.Options{}), true
	}
	if e.series != nil {
		if t, err := paired.Mean(e.less(limit), o.Options); err == nil {
			return t.P, true
		}
	}
	if !(e.se > 0) {
		return 0, false
	}
	return math.Erfc(math.Abs(e.value-limit) / e.se / math.Sqrt2), true
}

// takes is about how many windows of so many decide on which side of the limit the value over all of them is, and if it
// is beyond the limit, above it for a sign of 1, whether by more than its error; 0 when they are decided.
func (e *evidence) takes(limit, sign float64, o Options) (windows, of int) {
	if s := e.sample; s != nil && e.m.extreme && sign > 0 && e.value <= limit && s.Windows < s.Of {
		return s.Of, s.Of // any window may have a larger maximum
	}
	if e.series == nil || e.sample == nil || len(e.series) >= e.sample.Of {
		return 0, 0
	}
	s, text := sequential.Of(e.less(limit)), sequential.Options{Population: e.sample.Of}
	decided := func(s sequential.Sample) bool { return s.Wrong(text) < 1-o.Level }
	if s.Mean*sign > 0 {
		decided = func(s sequential.Sample) bool {
			return s.N >= e.sample.Of || s.Chance(sequential.Options{}) < 1-o.Level
		}
	}
	if decided(s) {
		return 0, 0
	}
	return s.Until(text, decided), e.sample.Of
}

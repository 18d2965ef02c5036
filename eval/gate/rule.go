package gate

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"bitmill/eval/report"
)

// Rule bounds one metric of the artifacts whose model and format match: patterns of path.Match, "" for all. Exactly
// one bound is set.
type Rule struct {
	Metric string   `yaml:"metric"`
	Model  string   `yaml:"model"`
	Format string   `yaml:"format"`
	Max    *float64 `yaml:"max"` // the value itself
	Min    *float64 `yaml:"min"`
	Worse  *Change  `yaml:"worse"` // than the baseline: more where less is better, less where more is better
}

// Change is an amount, absolute or as a share of the baseline's value.
type Change struct {
	Amount   float64
	Relative bool
}

// UnmarshalYAML reads "0.01" or "2%".
func (c *Change) UnmarshalYAML(n *yaml.Node) error {
	number, relative := strings.CutSuffix(strings.TrimSpace(n.Value), "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("line %d: worse: %q is neither a number nor a percentage", n.Line, n.Value)
	}
	if relative {
		x /= 100
	}
	*c = Change{x, relative}
	return nil
}

func (c Change) String() string {
	if c.Relative {
		return strconv.FormatFloat(100*c.Amount, 'g', 12, 64) + " %" // 0.7, not 0.7000000000000001
	}
	return exact(c.Amount)
}

// covers reports whether the rule is about the artifact.
func (r Rule) covers(m *report.Model, row *report.Row) bool {
	return matches(r.Model, m.Name) && matches(r.Format, row.Format)
}

func (r Rule) relative() bool { return r.Worse != nil }

func (r Rule) String() string {
	var where string
	switch {
	case r.Model != "" && r.Format != "":
		where = " of " + r.Model + " " + r.Format
	case r.Model != "" || r.Format != "":
		where = " of " + r.Model + r.Format
	}
	switch {
	case r.Max != nil:
		return fmt.Sprintf("%s%s at most %s", r.Metric, where, exact(*r.Max))
	case r.Min != nil:
		return fmt.Sprintf("%s%s at least %s", r.Metric, where, exact(*r.Min))
	case r.Worse != nil:
		return fmt.Sprintf("%s%s no more than %s worse than the baseline", r.Metric, where, r.Worse)
	}
	return r.Metric + where
}

// Check refuses a rule that cannot be applied.
func (r Rule) Check() error {
	if metricOf(r.Metric) == nil {
		return fmt.Errorf("there is no metric %q; there are: %s", r.Metric, strings.Join(Metrics(), ", "))
	}
	bounds := 0
	for _, set := range []bool{r.Max != nil, r.Min != nil, r.Worse != nil} {
		if set {
			bounds++
		}
	}
	if bounds != 1 {
		return fmt.Errorf("rule on %s: give exactly one of max, min and worse", r.Metric)
	}
	for _, bound := range []*float64{r.Max, r.Min} {
		if bound != nil && (math.IsNaN(*bound) || math.IsInf(*bound, 0)) {
			return fmt.Errorf("rule on %s: %g is not a limit: give a finite number", r.Metric, *bound)
		}
	}
	for _, p := range []string{r.Model, r.Format} {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("rule on %s: pattern %q: %w", r.Metric, p, err)
		}
	}
	return nil
}

// apply tests one artifact; base is the baseline's, nil without one.
func (r Rule) apply(model string, row, base *report.Row, o Options) Finding {
	m := metricOf(r.Metric)
	if !r.relative() {
		base = nil
	}
	e := m.evidence(row, base)
	f := Finding{Rule: r.String(), Model: model, Format: row.Format, Value: e.value, P: 1, Status: Kept,
		relative: base != nil}
	switch {
	case math.IsNaN(f.Value) || math.IsInf(f.Value, 0):
		f.Status, f.Value, f.Reason = Missing, 0, "It was not measured."
		return f
	case e.apart:
		f.Status, f.Value = Missing, 0
		f.Reason = "It is known over different windows of the text than the baseline's: run both with --windows all."
		return f
	}
	excess := func(limit, sign float64) {
		f.Limit = limit
		beyond := sign * (f.Value - limit)
		value, bound := numbers(f.Value, limit)
		if beyond <= 0 {
			f.Reason = fmt.Sprintf("%s is %s, within the limit of %s.", m.name, value, bound)
			if f.Windows, f.of = e.takes(limit, sign, o); f.Windows > 0 {
				f.Status = Undecided
				f.Reason += fmt.Sprintf(" %d windows leave open whether all would say so.%s", e.windows(), f.takes())
			}
			return
		}
		f.Status, f.P = Broken, 0
		f.Reason = fmt.Sprintf("%s is %s, beyond the limit of %s.", m.name, value, bound)
		if !m.measured() {
			return
		}
		if p, ok := e.chance(limit, o); ok {
			f.Status, f.P = WithinError, p // correct decides
			f.Windows, f.of = e.takes(limit, sign, o)
		} else {
			f.Reason += " The report gives no error for it, so it is compared as it stands."
		}
	}
	switch {
	case r.Max != nil:
		excess(*r.Max, 1)
	case r.Min != nil:
		excess(*r.Min, -1)
	case base == nil:
		f.Status, f.Reason = Skipped, "The baseline has no such artifact."
	default:
		f.Base = e.base
		if math.IsNaN(f.Base) || math.IsInf(f.Base, 0) {
			f.Status, f.Base, f.Reason = Skipped, 0, "The baseline did not measure it."
			return f
		}
		amount := r.Worse.Amount
		if r.Worse.Relative {
			amount *= math.Abs(f.Base)
		}
		sign := 1.0
		if m.more {
			sign = -1
		}
		excess(f.Base+sign*amount, sign)
		_, was := numbers(f.Value, f.Base)
		f.Reason = fmt.Sprintf("%s The baseline has %s.", f.Reason, was)
	}
	return f
}

// numbers prints two values to six digits, or to as many more as tell them apart; whole ones in full.
func numbers(a, b float64) (string, string) {
	for digits := 6; ; digits++ {
		x, y := number(a, digits), number(b, digits)
		if x != y || a == b || digits >= 17 {
			return x, y
		}
	}
}

func number(x float64, digits int) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e18 {
		return exact(x)
	}
	return strconv.FormatFloat(x, 'g', digits, 64)
}

// exact prints x as it was written, a whole number without an exponent.
func exact(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e18 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// Package gate decides whether a report stays within a budget, or is no worse than an earlier report. A limit on a
// measured quantity counts as broken only when the measurement says so beyond its error, with Holm's correction over
// all rules of a check; a quantity that is exact (bytes, bits per weight) is simply compared.
package gate

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"

	"bitmill/eval/paired"
	"bitmill/eval/report"
)

// Options of a check; the zero value is useful.
type Options struct {
	paired.Options
	Strict bool // a limit passed within the error is broken too
}

// Status of a finding.
type Status string

// A report passes when no finding is Broken or Missing.
const (
	Kept        Status = "ok"
	WithinError Status = "within error" // beyond the limit, but not by more than chance explains
	Undecided   Status = "undecided"    // the windows that were not scored may say otherwise
	Broken      Status = "broken"
	Missing     Status = "missing" // not measured, or in the baseline only
	Skipped     Status = "skipped" // the baseline has no such artifact
)

// statuses are in the order of findings: what fails first, then what deserves a look.
var statuses = []Status{Broken, Missing, WithinError, Undecided, Skipped, Kept}

// Finding is one rule applied to one artifact.
type Finding struct {
	Rule   string  `json:"rule"` // as words: "kld at most 0.01"
	Model  string  `json:"model"`
	Format string  `json:"format"`
	Status Status  `json:"status"`
	Value  float64 `json:"value"`
	Limit  float64 `json:"limit"`
	Base   float64 `json:"base,omitzero"` // the baseline's value
	P      float64 `json:"p"`             // of a value this far beyond the limit by chance, corrected; 1 within it
	Reason string  `json:"reason"`        // whole sentence

	Windows int `json:"chunks,omitzero"` // about how many windows decide, of a finding that is undecided
	of      int // windows of the text, where some of them were not scored

	relative bool // to a baseline
}

// Relative reports whether the finding compares with a baseline.
func (f Finding) Relative() bool { return f.relative }

// Failed reports whether the finding fails the check.
func (f Finding) Failed() bool { return f.Status == Broken || f.Status == Missing }

// Result is a whole check.
type Result struct {
	Passed   bool      `json:"passed"`
	Level    float64   `json:"level"`
	Findings []Finding `json:"findings"`          // by status, failures first; by rule and artifact
	Command  string    `json:"command,omitempty"` // scores the windows that undecided findings need
}

// Check applies the rules. baseline is nil when no rule needs one. It fails when a rule matches no artifact and when
// the two reports cannot be compared.
func Check(r, baseline *report.Report, rules []Rule, o Options) (*Result, error) {
	if baseline != nil {
		if err := report.SameText(baseline, r, "the baseline", "the report"); err != nil {
			return nil, err // of one text they may hold different windows: those that both have count
		}
	}
	base := func(model, format string) *report.Row {
		if baseline == nil {
			return nil
		}
		return baseline.Row(model, format)
	}
	artifacts := 0
	for range r.Rows() {
		artifacts++
	}
	o.Options = o.Options.For(artifacts * len(rules))
	out := &Result{Level: o.Level}
	for _, rule := range rules {
		if rule.relative() && baseline == nil {
			return nil, fmt.Errorf("rule %q compares with a baseline: give --baseline REPORT", rule)
		}
		found := false
		for m, row := range r.Rows() {
			if rule.covers(m, row) {
				found = true
				out.Findings = append(out.Findings, rule.apply(m.Name, row, base(m.Name, row.Format), o))
			}
		}
		gone := lost(r, baseline, rule)
		out.Findings = append(out.Findings, gone...)
		if !found && len(gone) == 0 {
			return nil, fmt.Errorf("rule %q matches no artifact of the report", rule)
		}
	}
	if len(out.Findings) > 0 && !slices.ContainsFunc(out.Findings, func(f Finding) bool { return f.Status != Skipped }) {
		return nil, fmt.Errorf("the baseline has none of these artifacts, so nothing was checked: " +
			"do the models have the same names in both?")
	}
	out.correct(o)
	slices.SortStableFunc(out.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(statuses, a.Status), slices.Index(statuses, b.Status))
	})
	return out, nil
}

// correct corrects the p-values together; rules whose p-value is still small are broken.
func (r *Result) correct(o Options) {
	p := make([]float64, len(r.Findings))
	for i, f := range r.Findings {
		p[i] = math.NaN()
		if f.Status == WithinError {
			p[i] = f.P
		}
	}
	for i, corrected := range paired.Holm(p) {
		f := &r.Findings[i]
		if f.Status != WithinError {
			continue
		}
		f.P = corrected
		within, strict := "within", ""
		switch {
		case corrected < 1-o.Level:
			within, f.Status, f.Windows = "beyond", Broken, 0
		case o.Strict:
			strict, f.Status, f.Windows = ", and the check is strict", Broken, 0
		case f.Windows > 0:
			f.Status = Undecided
		}
		f.Reason += fmt.Sprintf(" It is %s its error (p = %.2g after correction)%s.", within, corrected, strict)
		f.Reason += f.takes()
	}
	r.Passed = !slices.ContainsFunc(r.Findings, Finding.Failed)
}

// takes says how many windows decide an undecided finding; "" of others.
func (f Finding) takes() string {
	if f.Status != Undecided {
		return ""
	}
	if f.Windows >= f.of {
		return fmt.Sprintf(" All %d windows decide.", f.of)
	}
	return fmt.Sprintf(" About %d of %d windows decide.", f.Windows, f.of)
}

// lost lists the artifacts of the baseline that the rule covers and the report no longer has.
func lost(r, baseline *report.Report, rule Rule) []Finding {
	if baseline == nil || !rule.relative() {
		return nil
	}
	var out []Finding
	for m, row := range baseline.Rows() {
		if rule.covers(m, row) && r.Row(m.Name, row.Format) == nil {
			out = append(out, Finding{Rule: rule.String(), Model: m.Name, Format: row.Format, Status: Missing, P: 1,
				Reason: "The baseline has this artifact, the report does not."})
		}
	}
	return out
}

// matches tests a name against a pattern of path.Match; "" matches all. Patterns have been checked.
func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok || pattern == ""
}

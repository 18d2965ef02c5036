package report

import (
	"fmt"
	"strings"

	"bitmill/eval/threshold"
)

// locatedTable holds the thresholds that were searched for against the published one.
func (r *Report) locatedTable() table {
	claimed := fmt.Sprintf("%g", threshold.Claimed)
	t := textTable([]string{"Threshold", "Model", "BPW", "Interval", "Bracket", "Against " + claimed, "Monotone", "Probes"},
		0, 1, 5, 6).named("Located thresholds", "Bits per weight. The bracket is of the largest mix that misses the "+
		"condition and of the smallest file that meets it. Monotone: no file is surely worse than a smaller one.")
	for i := range r.Located {
		l := &r.Located[i]
		at, monotone := l.Status, "yes"
		if l.Located {
			at = fmt.Sprintf("%.3f", l.BPW)
		}
		if !l.Monotone {
			monotone = "no"
		}
		t.Rows = append(t.Rows, []string{l.Threshold, clean(l.Model), at, between(l.Low, l.High),
			between(l.Misses, l.Meets), l.Against, monotone, fmt.Sprint(l.Probes)})
	}
	return t
}

// between are two sizes, an open end as a dash.
func between(low, high float64) string {
	end := func(x float64) string {
		if x <= 0 {
			return none
		}
		return fmt.Sprintf("%.3f", x)
	}
	return end(low) + " to " + end(high)
}

// locatedSentences are the evidence of the thresholds that were searched for, and what the claim beside them is.
func (r *Report) locatedSentences() (out []string) {
	for i := range r.Located {
		out = append(out, clean(r.Located[i].Evidence))
	}
	return out
}

// unnamed explains the marks of probes in a plot, "" when there are none.
func (r *Report) unnamed() string {
	for i := range r.Models {
		if len(r.Models[i].Probes) > 0 {
			return " Marks without a name: mixes that were measured to locate the thresholds."
		}
	}
	return ""
}

// probeTable is a table of the mixes that were measured in the search.
func (m *Model) probeTable() table {
	if len(m.Probes) == 0 {
		return table{}
	}
	probes := *m
	probes.Artifacts = m.Probes
	t := formatTable(&probes, columns).named("Probes of "+clean(m.Name), "Mixes of types for a size, measured to locate "+
		strings.Join(m.Searched, " and ")+"; their files were not kept unless a path is given below.")
	t.Chosen = 0
	return t
}

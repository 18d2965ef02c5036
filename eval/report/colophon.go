package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bitmill/formats"
)

// Colophon says when, where and by which command a report was made. It varies between runs over the same input, so it
// stands in the renderings for people and not in report.json. The zero value says nothing.
type Colophon struct {
	Finished  time.Time `json:"finished"`
	Seconds   float64   `json:"seconds"`   // that the run took
	Continued bool      `json:"continued"` // it built on the work of an earlier run
	Build     string    `json:"build"`     // version and commit of the program
	Processor string    `json:"processor"`
	Threads   int       `json:"threads"`
	Kernel    string    `json:"kernel"` // the set of kernels: generic, avx2, avx512

	Command string   `json:"-"` // complete: it can be pasted. "": the report's
	Verdict *Verdict `json:"-"` // nil: the report was not checked
}

// Verdict is the result of a check against a budget.
type Verdict struct {
	Passed   bool
	Count    string // of the findings, in words
	Findings []Finding
}

// Finding is one rule applied to one file.
type Finding struct {
	Rule, Model, Format, Status, Reason string
	Failed                              bool
	Undecided                           bool // more windows may decide otherwise
}

// facts are the lines of the header.
func (c *Colophon) facts(r *Report) (f facts) {
	if !c.Finished.IsZero() {
		f.add("Date", c.Finished.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	if c.Seconds > 0 {
		s := duration(c.Seconds)
		if c.Continued {
			s += ", on top of what an earlier run had done"
		}
		f.add("Duration", s)
	}
	tool := r.Tool
	if c.Build != "" {
		tool = c.Build
	}
	f.add("Made with", tool)
	machine := c.Processor
	if c.Threads > 0 {
		machine += after(", ", formats.Several(c.Threads, "thread"))
	}
	f.add("Processor", strings.TrimPrefix(machine+after(", ", c.Kernel), ", "))
	return f
}

func (c *Colophon) command(r *Report) string {
	if c.Command != "" {
		return clean(c.Command)
	}
	return clean(r.Command)
}

// duration is a number of seconds in words.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", seconds)
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", seconds)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// badge is the verdict in a few words.
func (v *Verdict) badge() string {
	switch {
	case !v.Passed:
		return "budget not kept"
	case slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Undecided }):
		return "budget kept so far"
	}
	return "budget kept"
}

// table lists the findings.
func (v *Verdict) table() table {
	t := textTable([]string{"Finding", "Model", "Format", "Rule", "Reason"}, 0, 1, 2, 3, 4).
		named("Budget", "Every rule on every file that it covers, failures first.")
	for _, f := range v.Findings {
		t.Rows = append(t.Rows, []string{clean(f.Status), clean(f.Model), clean(f.Format), clean(f.Rule), clean(f.Reason)})
	}
	return t
}

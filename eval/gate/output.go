package gate

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"bitmill/eval/report"
	"bitmill/formats"
)

// Line is the finding as one line of text.
func (f Finding) Line() string {
	return fmt.Sprintf("%-12s %s %s: %s. %s", f.Status, f.Model, f.Format, f.Rule, f.Reason)
}

// Count is the check in one line: how many findings have which status, failures first.
func (r *Result) Count() string {
	var parts []string
	for _, s := range statuses {
		n := 0
		for _, f := range r.Findings {
			if f.Status == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	noun := "findings"
	if len(r.Findings) == 1 {
		noun = "finding"
	}
	return fmt.Sprintf("%d %s: %s", len(r.Findings), noun, strings.Join(parts, ", "))
}

type (
	suiteXML struct {
		XMLName  xml.Name  `xml:"testsuite"`
		Name     string    `xml:"name,attr"`
		Tests    int       `xml:"tests,attr"`
		Failures int       `xml:"failures,attr"`
		Skipped  int       `xml:"skipped,attr"`
		Cases    []caseXML `xml:"testcase"`
	}
	caseXML struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Failure *noteXML `xml:"failure,omitempty"`
		Skipped *noteXML `xml:"skipped,omitempty"`
		Output  string   `xml:"system-out,omitempty"`
	}
	noteXML struct {
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit writes the findings as a JUnit test suite: a case per finding.
func WriteJUnit(w io.Writer, r *Result) error {
	s := suiteXML{Name: "bitmill check", Tests: len(r.Findings)}
	for _, f := range r.Findings {
		c := caseXML{Class: formats.Clean(f.Model + "." + f.Format), Name: formats.Clean(f.Rule)}
		f.Reason = formats.Clean(f.Reason)
		switch {
		case f.Failed():
			s.Failures++
			c.Failure = &noteXML{f.Reason}
		case f.Status == Skipped:
			s.Skipped++
			c.Skipped = &noteXML{f.Reason}
		default:
			c.Output = f.Reason
		}
		s.Cases = append(s.Cases, c)
	}
	out, err := xml.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, out)
	return err
}

// WriteSummary writes the findings as Markdown, as CI systems show it beside a run.
func WriteSummary(w io.Writer, r *Result) error {
	verdict, failed := "passed", 0
	for _, f := range r.Findings {
		if f.Failed() {
			failed++
		}
	}
	if !r.Passed {
		verdict = fmt.Sprintf("failed: %d of %d", failed, len(r.Findings))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### Quantization quality: %s\n\n", verdict)
	b.WriteString("| | model | format | rule | finding |\n|---|---|---|---|---|\n")
	for _, f := range r.Findings {
		mark := "✓"
		if f.Failed() {
			mark = "✗"
		} else if f.Status != Kept {
			mark = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", mark, report.Plain(f.Model), report.Plain(f.Format),
			report.Plain(f.Rule), report.Plain(f.Reason))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

package report

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"bitmill/eval/threshold"
)

// searched is the demo's report as if some of its formats were probes.
func searched(t *testing.T) *Report {
	r := demoReport(t)
	for i := range r.Models {
		m := &r.Models[i]
		m.Searched = []string{threshold.ForFidelity, threshold.ForEconomy}
		var kept []Row
		for k, row := range m.Artifacts {
			if k == 0 || k == len(m.Artifacts)-1 {
				kept = append(kept, row)
				continue
			}
			row.Format, row.Recorded = fmt.Sprintf("%.3f bpw", row.Point(false).BPW()), row.Format
			row.Path = ""
			m.Probes = append(m.Probes, row)
		}
		m.Artifacts = kept
	}
	r.Models[0].Searched = r.Models[0].Searched[:1] // the smallest has no economy
	r.Fit(threshold.Options{Budget: 0.01})
	return r
}

// TestLocatedSection: the section of located thresholds in all renderings, and the tables of their probes.
func TestLocatedSection(t *testing.T) {
	r := searched(t)
	if len(r.Located) != 3 {
		t.Fatalf("%d thresholds", len(r.Located))
	}
	md, text := string(render(t, mdOf, r)), string(render(t, Table, r))
	_, md, _ = strings.Cut(md, "\n## Located thresholds\n")
	md, _, _ = strings.Cut(md, "\n## ")
	_, text, _ = strings.Cut(text, "\nLocated thresholds\n")
	got := []byte("Markdown\n" + md + "\n\nTerminal\n" + text)
	const path = "testdata/located.txt.golden"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v); look at the difference after go test -update", path, err)
	}
	page := string(render(t, htmlOf, r))
	section := regexp.MustCompile(`(?s)<details id="located">.*?</details>`).FindString(page)
	for i := range r.Located {
		l := &r.Located[i]
		for _, want := range []string{l.Threshold, l.Model, l.Against, between(l.Low, l.High), between(l.Misses, l.Meets)} {
			if !strings.Contains(section, want) {
				t.Errorf("the page lacks %q of %+v", want, l)
			}
		}
	}
	for _, m := range r.Models {
		if !strings.Contains(page, "Probes of "+m.Name) || !bytes.Contains(render(t, mdOf, r), []byte(m.Probes[0].Format)) {
			t.Errorf("the probes of %s are missing", m.Name)
		}
	}
}

package pipeline

import (
	"strings"
	"testing"

	"bitmill/eval/report"
	"bitmill/eval/score"
)

// TestParseGoal: what is read is written again; what is no goal is refused.
func TestParseGoal(t *testing.T) {
	for _, text := range []string{"5%", "0.5%", "100%", "decided"} {
		if g, err := ParseGoal(text); err != nil || g.String() != text || g == (Goal{}) {
			t.Errorf("%s: %+v, %v", text, g, err)
		}
	}
	for _, text := range []string{"", "5", "0%", "-1%", "101%", "NaN%", "x%", "Decided"} {
		if g, err := ParseGoal(text); err == nil {
			t.Errorf("%q: %+v", text, g)
		}
	}
}

// TestRunUntil: a run that ends when enough is known scores a part of the text, says so first, gives every row its
// interval, and repeats to the same report; another goal takes what is there.
func TestRunUntil(t *testing.T) {
	o := options(t, llama(t))
	o.Windows, o.Context, o.Until = 0, 16, Goal{Precision: 0.5}
	s, r := mustRun(t, o)
	m := &s.Report.Models[0]
	n := s.Report.Text.Windows
	if s.Report.Text.Seed != orderSeed || n < 40 || !strings.Contains(strings.Join(r.notes, "\n"), "known to ±50%") {
		t.Fatalf("%d windows, seed %d, notes %q", n, s.Report.Text.Seed, r.notes)
	}
	for _, row := range m.Artifacts {
		if x := row.Sample; x != nil && (x.Windows != len(row.WindowKLD) || x.Of != n || !(x.Low < row.KLD && row.KLD < x.High)) {
			t.Errorf("%s: %+v of %d windows, KLD %v", row.Format, x, len(row.WindowKLD), row.KLD)
		}
	}
	before := outputs(t, o.Out)
	if _, r := mustRun(t, o); r.done != nil || outputs(t, o.Out)["/report.json"] != before["/report.json"] {
		t.Errorf("the second run did %q", r.done)
	}
	o.Until = Goal{}
	if s, _ = mustRun(t, o); s.Report.Models[0].Artifacts[0].Sample != nil || s.Report.Text.Seed != 0 {
		t.Error("a run over all windows is a sample")
	}
}

// TestSpent: what verdicts took is told where there was a choice.
func TestSpent(t *testing.T) {
	row := func(format string, n int) *report.Row {
		return &report.Row{Format: format, Text: score.Text{WindowKLD: make(score.Series, n)}, Sample: &report.Sample{For: "kld of A"}}
	}
	for _, c := range []struct {
		a, b, windows int
		want          string
	}{
		{5, 5, 5, ""},
		{26, 26, 26, "m: the verdicts took all 26 windows"},
		{8, 26, 26, "m: some verdicts took all 26 windows; A took 8"},
		{8, 8, 26, "m: every verdict is certain after 8 of 26 windows"},
		{8, 12, 26, "m: every verdict is certain after 8 to 12 of 26 windows; B took most, for \"kld of A\""},
	} {
		rows := []*report.Row{row("A", c.a), row("B", c.b)}
		if got := (Goal{Decided: true}).spent("m", rows, c.windows); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

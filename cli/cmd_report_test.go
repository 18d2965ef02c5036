package cli

import (
	"slices"
	"testing"

	"bitmill/eval/gate"
	"bitmill/eval/report"
)

func TestRunNames(t *testing.T) {
	got := runNames([]string{"old/report.json", "./new/report.json", "report.json", "a//b.json", "s3://bucket/run/report.json",
		"https://host/run/report.json?sig=secret"})
	want := []string{"old", "new", "report.json", "a/b.json", "s3://bucket/run", "https://host/run"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

// TestDeciding: the command that decides says once how many windows, and where; arguments stay arguments.
func TestDeciding(t *testing.T) {
	rule := gate.Rule{Metric: "kld_max", Max: new(float64)}
	*rule.Max = 1
	row := report.Blank("Q4_0")
	row.KLDMax, row.Sample = 0.5, &report.Sample{Windows: 8, Of: 20}
	rep := &report.Report{Models: []report.Model{{Name: "m", Artifacts: []report.Row{row}}}}
	result, err := gate.Check(rep, nil, []gate.Rule{rule}, gate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ command, path, budget, want string }{
		{"bitmill run m --until '5 %' --ctx 64", "out/report.json", "b.yaml",
			"bitmill run -o out --until decided --budget b.yaml m --ctx 64"},
		{"bitmill run --windows 8 -- -m", "kept.json", "", "bitmill run -o DIR --windows all -- -m"},
		{"", "out/report.json", "b.yaml", ""},
	} {
		rep.Command = c.command
		if got := deciding(rep, result, c.path, c.budget); got != c.want {
			t.Errorf("%s: %s, not %s", c.command, got, c.want)
		}
	}
}

package gate

import (
	"bytes"
	"strings"
	"testing"

	"bitmill/eval/report"
)

// FuzzBudget: no budget panics, and its rules can be applied to a report and written for CI systems.
func FuzzBudget(f *testing.F) {
	f.Add("rules:\n  - {metric: kld, format: Q4_*, max: 0.01}\n  - {metric: ppl, model: demo-*, worse: 1%}\n")
	f.Add("rules: [{metric: same_top, min: .9, format: '[', worse: 1e308}]")
	f.Add("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nrules: *b\n")
	r := &report.Report{Models: []report.Model{{Name: "demo-s", Source: report.Blank("BF16"),
		Artifacts: []report.Row{report.Blank("Q4_K_M")}}}}
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := ReadBudget(strings.NewReader(text))
		if err != nil {
			return
		}
		result, err := Check(r, r, rules, Options{})
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteJUnit(&b, result); err != nil {
			t.Fatal(err)
		}
		if err := WriteSummary(&b, result); err != nil {
			t.Fatal(err)
		}
	})
}

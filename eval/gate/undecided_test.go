package gate

import (
	"strings"
	"testing"

	"bitmill/eval/report"
)

// TestUndecided: of a part of the text, what all windows may contradict is undecided and says how many windows decide;
// what is far from the limit is decided, and so is everything when all windows are there.
func TestUndecided(t *testing.T) {
	part := func(of int) *report.Report {
		r := made(0.01, 0)
		for i := range r.Models[0].Artifacts {
			row := &r.Models[0].Artifacts[i]
			row.KLDMax = 0.05
			row.Sample = &report.Sample{Windows: len(row.WindowKLD), Of: of}
		}
		return r
	}
	for _, c := range []struct {
		rule   string
		of     int
		strict bool
		want   Status
	}{
		{"{metric: kld, format: Q4_K_M, max: 0.0103}", 400, false, Undecided},
		{"{metric: kld, format: Q4_K_M, max: 0.0103}", 400, true, Undecided}, // nothing is beyond the limit
		{"{metric: kld, max: 0.00995}", 400, false, Undecided},
		{"{metric: kld, max: 0.00995}", 400, true, Broken},
		{"{metric: kld, min: 0.00985}", 400, false, Undecided},
		{"{metric: kld, max: 0.02}", 400, false, Kept},
		{"{metric: kld, min: 0.001}", 400, false, Kept},
		{"{metric: kld, max: 0.005}", 400, false, Broken},
		{"{metric: kld_max, max: 0.06}", 400, false, Undecided}, // one window may have more
		{"{metric: kld_max, max: 0.04}", 400, false, Broken},
		{"{metric: kld_max, min: 0.04}", 400, false, Kept},
		{"{metric: kld_max, max: 0.06}", 40, false, Kept},
		{"{metric: kld, format: Q4_K_M, max: 0.0103}", 40, false, Kept},
		{"{metric: kld, max: 0.00995}", 40, false, WithinError},
	} {
		got, err := Check(part(c.of), nil, rules(t, "rules: ["+c.rule+"]"), Options{Strict: c.strict})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range got.Findings {
			if f.Status != c.want || (f.Windows > 40 && f.Windows <= c.of) != (c.want == Undecided) ||
				strings.Contains(f.Reason, "windows decide") != (c.want == Undecided) {
				t.Errorf("%s of %d windows, strict %v: %+v", c.rule, c.of, c.strict, f)
			}
		}
	}
}

// TestUndecidedAgainstABaseline: it is undecided on the windows that both reports have.
func TestUndecidedAgainstABaseline(t *testing.T) {
	old, now := made(0.01, 0), made(0.01, 0)
	for i := range now.Models[0].Artifacts {
		row := &now.Models[0].Artifacts[i]
		for k := range row.WindowKLD {
			row.WindowKLD[k] += 0.0005 * float64(k%5-2)
		}
		row.Sample = &report.Sample{Windows: 40, Of: 400}
	}
	for worse, want := range map[string]Status{"0.0001": Undecided, "0.002": Kept} {
		got, err := Check(now, old, rules(t, "rules: [{metric: kld, worse: "+worse+"}]"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f := got.Findings[0]; f.Status != want || !f.Relative() {
			t.Errorf("worse by %s: %+v, want %s", worse, f, want)
		}
	}
}

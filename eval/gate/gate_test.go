package gate

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"bitmill/eval/report"
)

// made is a report of one model with two artifacts over 40 windows, whose KLD lies around kld; change is added to the
// loss of every window.
func made(kld, change float64) *report.Report {
	rng := rand.New(rand.NewPCG(9, 9))
	m := report.Model{Name: "demo"}
	for i, format := range []string{"Q8_0", "Q4_K_M"} {
		r := report.Blank(format)
		r.FileBytes, r.PayloadBits, r.Weights = int64(1000-400*i), int64(8000-3200*i), 1000
		for range 40 {
			r.WindowKLD = append(r.WindowKLD, kld*(1+0.1*rng.NormFloat64()))
			r.WindowNLL = append(r.WindowNLL, 3+0.5*rng.NormFloat64()+change)
		}
		r.KLD, r.PPL = mean(r.WindowKLD), math.Exp(mean(r.WindowNLL))
		r.SameTop, r.SameTopSE = 0.9, 0.004
		r.KLDP99 = 10 * kld
		m.Artifacts = append(m.Artifacts, r)
	}
	return &report.Report{Text: report.TextInfo{Name: "text", SHA256: "a", Context: 512, Windows: 40}, Models: []report.Model{m}}
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func rules(t *testing.T, text string) []Rule {
	t.Helper()
	r, err := ReadBudget(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBudget(t *testing.T) {
	r := made(0.01, 0)
	for _, c := range []struct {
		rule   string
		strict bool
		want   Status
	}{
		{"metric: kld, max: 0.011", false, Kept},
		{"metric: kld, max: 0.005", false, Broken},
		{"metric: kld, max: 0.00995", false, WithinError},
		{"metric: kld, max: 0.00995", true, Broken},
		{"metric: same_top, min: 0.89", false, Kept},
		{"metric: same_top, min: 0.903", false, WithinError},
		{"metric: same_top, min: 0.95", false, Broken},
		{"metric: bpw, max: 4.8", false, Kept},
		{"metric: bpw, max: 4.79", false, Broken},
		{"metric: file_bytes, max: 599", false, Broken},
		{"metric: kld_p99, max: 0.0999", false, Broken},
		{"metric: kld_p90, max: 1", false, Missing},
		{"metric: ppl, max: 24", false, Kept},
		{"metric: ppl, max: 10", false, Broken},
	} {
		got, err := Check(r, nil, rules(t, "rules: [{format: Q4_*, "+c.rule+"}]"), Options{Strict: c.strict})
		if err != nil {
			t.Fatal(err)
		}
		f := got.Findings[0]
		if len(got.Findings) != 1 || f.Status != c.want || got.Passed == (c.want == Broken || c.want == Missing) || f.Reason == "" {
			t.Errorf("%s: %+v, want %s", c.rule, got, c.want)
		}
	}
}

// TestBaseline: pairing sees a change of the loss far below the error of either mean.
func TestBaseline(t *testing.T) {
	old, now := made(0.01, 0), made(0.01, 0.002)
	got, err := Check(now, old, BaselineRules(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Passed {
		t.Error("a loss 0.002 nats worse on every window passed")
	}
	for _, f := range got.Findings {
		if want := strings.HasPrefix(f.Rule, "ppl"); f.Failed() != want {
			t.Errorf("%+v", f)
		}
	}
	for what, c := range map[string]struct {
		old, now *report.Report
		rule     string
		passed   bool
	}{
		"the same":               {old, old, "metric: kld, worse: 0", true},
		"better":                 {now, old, "metric: ppl, worse: 0", true},
		"within what is allowed": {old, now, "metric: ppl, worse: 1%", true},
		"beyond what is allowed": {old, now, "metric: ppl, worse: 0.1%", false},
		"twice the KLD":          {old, made(0.02, 0), "metric: kld, worse: 50%", false},
	} {
		got, err := Check(c.now, c.old, rules(t, "rules: [{"+c.rule+"}]"), Options{})
		if err != nil || got.Passed != c.passed {
			t.Errorf("%s: %v %+v", what, err, got)
		}
	}
}

// TestFalseAlarms: with nothing changed but the draw, at most about one check in twenty fails, however many rules.
func TestFalseAlarms(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const trials = 200
	failed := 0
	for range trials {
		old, now := made(0.01, 0), made(0.01, 0)
		for j := range now.Models[0].Artifacts {
			r := &now.Models[0].Artifacts[j]
			for i := range r.WindowKLD {
				r.WindowKLD[i] += 0.001 * rng.NormFloat64()
				r.WindowNLL[i] += 0.01 * rng.NormFloat64()
			}
			r.KLD, r.PPL = mean(r.WindowKLD), math.Exp(mean(r.WindowNLL))
		}
		o := Options{}
		o.Resamples = 300
		got, err := Check(now, old, BaselineRules(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Passed {
			failed++
		}
	}
	if share := float64(failed) / trials; share > 0.06 {
		t.Errorf("%.1f %% of checks fail where nothing changed", 100*share)
	}
}

func TestRefusals(t *testing.T) {
	other := made(0.01, 0)
	other.Text.SHA256 = "b"
	if _, err := Check(made(0.01, 0), other, BaselineRules(), Options{}); err == nil || !strings.Contains(err.Error(), "the same text") {
		t.Errorf("%v", err)
	}
	if _, err := Check(made(0.01, 0), nil, BaselineRules(), Options{}); err == nil || !strings.Contains(err.Error(), "--baseline") {
		t.Errorf("%v", err)
	}
	if _, err := Check(made(0.01, 0), nil, rules(t, "rules: [{metric: kld, format: IQ1*, max: 1}]"), Options{}); err == nil || !strings.Contains(err.Error(), "matches no artifact") {
		t.Errorf("%v", err)
	}
	fewer := made(0.01, 0)
	fewer.Models[0].Artifacts = fewer.Models[0].Artifacts[:1]
	got, err := Check(fewer, made(0.01, 0), BaselineRules()[:1], Options{})
	if err != nil || got.Passed || got.Findings[0].Status != Missing {
		t.Errorf("an artifact that is gone: %v %+v", err, got)
	}
	if got, err = Check(made(0.01, 0), fewer, BaselineRules()[:1], Options{}); err != nil || !got.Passed || got.Findings[0].Status != Skipped {
		t.Errorf("a new artifact: %v %+v", err, got)
	}
	bare := made(0.01, 0)
	for i := range bare.Models[0].Artifacts {
		bare.Models[0].Artifacts[i].WindowKLD = nil // and no standard error: NaN
	}
	got, err = Check(bare, nil, rules(t, "rules: [{metric: kld, max: 0.005}]"), Options{})
	if err != nil || got.Passed || !strings.Contains(got.Findings[0].Reason, "gives no error") {
		t.Errorf("a divergence without an error: %v %+v", err, got)
	}
	renamed := made(0.01, 0)
	renamed.Models = nil
	if got, err := Check(made(0.01, 0), renamed, BaselineRules(), Options{}); err == nil || !strings.Contains(err.Error(), "nothing was checked") {
		t.Errorf("a baseline of other models: %v %+v", err, got)
	}
	for text, says := range map[string]string{
		"":                                               "empty",
		"rules: []":                                      "no rules",
		"rules: [{metric: speed, max: 1}]":               `no metric "speed"`,
		"rules: [{metric: kld}]":                         "exactly one",
		"rules: [{metric: kld, max: 1, min: 1}]":         "exactly one",
		"rules: [{metric: kld, worse: much}]":            "neither a number",
		"rules: [{metric: kld, most: 1}]":                "cannot be read",
		"rules: [{metric: kld, max: 1, format: '['}]":    "pattern",
		"rules: [{metric: kld, max: .nan}]":              "finite",
		"rules: [{metric: same_top, min: -.inf}]":        "finite",
		"rules: [{metric: kld, max: 1}]\n---\nrules: []": "second document",
		"rules: [kld]":                                   "line 1: the text `kld` stands where a mapping belongs",
		"rules: {metric: kld, max: 1}":                   "a mapping stands where a list belongs",
		"- {metric: kld, max: 1}":                        "a list stands where a mapping belongs",
		"rules: [{metric: file_bytes, max: 7GB}]":        "the text `7GB` stands where a number belongs",
		"rules: [{metric: [kld], max: 1}]":               "a list stands where text belongs",
		"rules: [{metric: kld, max: 1}]\nrule: []":       `line 2: there is no key "rule"`,
		"rules: [{metric: kld, max: 1, max: 2}]":         `the key "max" stands twice`,
		"\x00":                                           "cannot be read",
	} {
		if r, err := ReadBudget(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v %v, want %q", text, r, err, says)
		}
	}
}

func TestOutput(t *testing.T) {
	got, err := Check(made(0.01, 0), nil, rules(t, "rules: [{metric: kld, max: 0.005}, {metric: bpw, max: 9}, {metric: same_top, min: 0.901}]"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var junit, summary bytes.Buffer
	if err := WriteJUnit(&junit, got); err != nil {
		t.Fatal(err)
	}
	var suite suiteXML
	if err := xml.Unmarshal(junit.Bytes(), &suite); err != nil || suite.Tests != 6 || suite.Failures != 2 || len(suite.Cases) != 6 {
		t.Errorf("%v %+v", err, suite)
	}
	if err := WriteSummary(&summary, got); err != nil || !strings.Contains(summary.String(), "failed: 2 of 6") || strings.Count(summary.String(), "\n| ✗") != 2 {
		t.Errorf("%v\n%s", err, summary.String())
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
	if line := got.Findings[0].Line(); !strings.HasPrefix(line, "broken") || strings.Contains(line, "\n") {
		t.Error(line)
	}
}

// TestManyRules: a clear break stays one when it is corrected for hundreds of findings.
func TestManyRules(t *testing.T) {
	limit := 0.001
	many := make([]Rule, 120)
	for i := range many {
		many[i] = Rule{Metric: "kld", Max: &limit}
	}
	got, err := Check(made(0.01, 0), nil, many, Options{})
	if err != nil || got.Passed || got.Findings[0].Status != Broken {
		t.Errorf("ten times the limit: %v %+v", err, got.Findings[0])
	}
}

// TestUnpaired: a baseline without the series counts with its own error, not as if it were exact.
func TestUnpaired(t *testing.T) {
	now, old := made(0.0105, 0), made(0.01, 0)
	for i := range old.Models[0].Artifacts {
		old.Models[0].Artifacts[i].WindowKLD = nil
		old.Models[0].Artifacts[i].KLDSE, now.Models[0].Artifacts[i].KLDSE = 0.001, 0.0002
	}
	got, err := Check(now, old, BaselineRules()[:1], Options{})
	if err != nil || !got.Passed || got.Findings[0].Status != WithinError {
		t.Errorf("%v %+v", err, got)
	}
}

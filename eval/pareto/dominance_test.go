package pareto

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/paired"
)

// measured reads what bitmill measured of a model in every format, the source first.
func measured(t *testing.T, name string) []Candidate {
	t.Helper()
	data, err := os.ReadFile("../threshold/testdata/" + name + "-windows.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Rows []struct {
			Format string    `json:"format"`
			Bytes  int64     `json:"file_bytes"`
			KLD    []float64 `json:"kld"`
			NLL    []float64 `json:"nll"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var out []Candidate
	for i, r := range file.Rows {
		out = append(out, Candidate{Model: name, Format: r.Format, FileBytes: r.Bytes, Source: i == 0,
			Loss: stat.Mean(r.NLL, nil), Series: r.NLL, KLD: stat.Mean(r.KLD, nil), KLDSeries: r.KLD})
	}
	return out
}

// dominated are the dominated ones and by what, in words.
func dominated(t *testing.T, all []Candidate) []string {
	t.Helper()
	if err := Rank(all, paired.Options{}); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range all {
		if c.Dominated != "" {
			out = append(out, c.Format+" by "+strings.TrimPrefix(c.Dominated, c.Model+" "))
		}
	}
	return out
}

// TestDominatedMeasured: Q6_K, Q5_1 and Q5_0 have a lower loss than Q8_0 on these windows, by chance: they diverge more.
// What is worse than a file no larger is so in both models, with windows and with standard errors alone.
func TestDominatedMeasured(t *testing.T) {
	for name, want := range map[string]string{
		"demo-s": "TQ1_0 by IQ2_XXS, TQ2_0 by IQ2_S, Q2_0 by IQ2_M, Q2_K_S by IQ3_XXS, Q2_K by IQ3_XXS, " +
			"Q3_K_S by IQ3_S, Q4_0 by IQ4_NL, Q4_K_M by Q4_K_S, Q4_1 by Q4_K_S, Q5_0 by Q5_K_S, F32 by BF16",
		"demo-l": "TQ1_0 by IQ1_M, TQ2_0 by IQ2_XXS, Q2_0 by IQ2_S, Q2_K_S by IQ2_M, Q2_K by IQ3_XXS, " +
			"Q3_K_S by IQ3_S, Q4_0 by IQ4_NL, Q4_K_M by Q4_K_S, Q4_1 by Q4_K_S, Q5_0 by Q5_K_S, F32 by BF16",
	} {
		all := measured(t, name)
		if got := strings.Join(dominated(t, all), ", "); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
		for i := range all {
			all[i].KLDSE, all[i].Series, all[i].KLDSeries = 0.01*all[i].KLD, nil, nil
		}
		if got := strings.Join(dominated(t, all), ", "); got != want {
			t.Errorf("%s without windows: %s, not %s", name, got, want)
		}
		for i := range all {
			all[i].KLDSE = 0
		}
		if got := strings.Join(dominated(t, all), ", "); got != "TQ2_0 by TQ1_0, F32 by BF16" {
			t.Errorf("%s without any error: %s", name, got)
		}
	}
}

// TestDominatedOfOneWindow: a single window, of which no error is known, decides nothing.
func TestDominatedOfOneWindow(t *testing.T) {
	all := measured(t, "demo-s")
	for i := range all {
		c := &all[i]
		c.Series, c.KLDSeries = c.Series[:1], c.KLDSeries[:1]
		c.Loss, c.KLD, c.LossSE, c.KLDSE = c.Series[0], c.KLDSeries[0], math.NaN(), math.NaN()
	}
	if got := strings.Join(dominated(t, all), ", "); got != "TQ2_0 by TQ1_0, F32 by BF16" {
		t.Error(got)
	}
}

// TestDominatedAcrossModels: files of two models compare by loss, beyond the error; those of one without a KLD, too.
func TestDominatedAcrossModels(t *testing.T) {
	all := append(measured(t, "demo-s"), measured(t, "demo-l")...)
	by := map[string]string{}
	if err := Rank(all, paired.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		by[c.Model+" "+c.Format] = c.Dominated
	}
	for file, want := range map[string]string{
		"demo-l IQ1_S": "demo-s Q5_1", "demo-l IQ1_M": "demo-s Q5_1", // a lower loss in fewer bytes, surely
		"demo-l IQ2_M": "", "demo-s Q8_0": "", // 0.006 nats are within the error
		"demo-l Q2_K": "demo-l IQ3_XXS", "demo-s BF16": "",
	} {
		if got, ok := by[file]; !ok || got != want {
			t.Errorf("%s is dominated by %q, want %q", file, got, want)
		}
	}
	one := measured(t, "demo-s")
	for i := range one {
		one[i].KLD, one[i].KLDSeries, one[i].Source = math.NaN(), nil, false
	}
	got := strings.Join(dominated(t, one), ", ")
	if !strings.Contains(got, "Q2_0 by IQ2_M") || strings.Contains(got, "Q8_0") {
		t.Errorf("by loss: %s", got)
	}
}

// TestChooseByDivergence: of one model the file that diverges least is the best, not one whose loss is lower by chance.
func TestChooseByDivergence(t *testing.T) {
	all := measured(t, "demo-s")
	q8, q6 := find(all, "Q8_0"), find(all, "Q6_K")
	if q5 := find(all, "Q5_1"); !(q5.Loss < q8.Loss && q5.Loss < q6.Loss) {
		t.Fatal("the losses of these windows do not show what chance does")
	}
	got, err := Choose(slices.Clone(all), Limits{Memory: q8.FileBytes}, paired.Options{})
	if x := got.Best; err != nil || x.FileBytes >= q8.FileBytes || x.Dominated != "" || x.Loss > q8.Loss+0.01 {
		t.Errorf("%+v %v", x, err)
	}
	for limit, want := range map[int64]string{q8.FileBytes: "Q8_0", q8.FileBytes - 1: "Q6_K", q6.FileBytes - 1: "Q5_1"} {
		got, err := Choose(slices.Clone(all), Limits{Memory: limit}, paired.Options{})
		if x := got.Answers[0].Nearest; err != nil || x == nil || x.Format != want && x.Format != "MXFP4_MOE" {
			t.Errorf("%d bytes: %+v %v, want %s", limit, x, err, want)
		}
	}
}

func find(all []Candidate, format string) Candidate {
	return all[slices.IndexFunc(all, func(c Candidate) bool { return c.Format == format && !c.Source })]
}

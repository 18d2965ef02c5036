package report

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/paired"
	"bitmill/eval/threshold"
)

// measuredReport holds what bitmill measured of the two models in every format (../threshold/testdata), with windows.
func measuredReport(t *testing.T) *Report {
	t.Helper()
	r := &Report{Text: TextInfo{Name: "evaluation.txt", SHA256: "5b0e", Context: 512, Windows: 24}}
	for _, name := range []string{"demo-s", "demo-l"} {
		data, err := os.ReadFile("../threshold/testdata/" + name + "-windows.json")
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Rows []struct {
				Format  string    `json:"format"`
				Bytes   int64     `json:"file_bytes"`
				Bits    int64     `json:"payload_bits"`
				Weights int64     `json:"weights"`
				KLD     []float64 `json:"kld"`
				NLL     []float64 `json:"nll"`
			} `json:"rows"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		m := Model{Name: name, Family: "llama", Vocabulary: "v", Parameters: file.Rows[0].Weights}
		for i, x := range file.Rows {
			row := Blank(x.Format)
			row.FileBytes, row.PayloadBits, row.Weights = x.Bytes, x.Bits, x.Weights
			row.WindowKLD, row.WindowNLL = x.KLD, x.NLL
			row.KLD, row.PPL = stat.Mean(x.KLD, nil), math.Exp(stat.Mean(x.NLL, nil))
			row.KLDSE = stat.StdErr(stat.StdDev(x.KLD, nil), float64(len(x.KLD)))
			row.BitsPerByte = stat.Mean(x.NLL, nil) / 2.5
			if i == 0 {
				m.Source = row
			} else {
				m.Artifacts = append(m.Artifacts, row)
			}
		}
		r.Models = append(r.Models, m)
	}
	r.Fit(threshold.Options{Options: paired.Options{Resamples: 100}})
	return r
}

// TestConclusionsAgree: the summary's smallest format is the one that bounds the fidelity threshold, and nothing that
// diverges less than every smaller file is crossed out.
func TestConclusionsAgree(t *testing.T) {
	r := measuredReport(t)
	for i, want := range []string{"IQ2_S (3.41 BPW, 1.58 MB)", "IQ2_XS (2.91 BPW, 4.33 MB)"} {
		m := &r.Models[i]
		if f := &m.Fidelity; !f.Located || f.Bracket[1] != m.smallest().Format || !strings.HasPrefix(m.summary(true), want) {
			t.Errorf("%s; %+v", m.summary(true), f)
		}
	}
	text := string(render(t, mdOf, r))
	for _, kept := range []string{"Q8_0 (by", "Q6_K (by", "Q5_1 (by", "BF16 (by", "Q5_K_M (by"} {
		if strings.Contains(text, kept) {
			t.Errorf("the report strikes out %s ...)", kept)
		}
	}
	for _, struck := range []string{"demo-s TQ2_0 (by demo-s IQ2_S)", "demo-l Q2_K (by demo-l IQ3_XXS)",
		"demo-l F32 (by demo-l BF16)"} {
		if !strings.Contains(text, struck) {
			t.Errorf("the report does not say %s", struck)
		}
	}
	for _, m := range paretoChart(r).all[0].marks {
		if m.crossed && (m.label == "Q8_0" || m.label == "BF16") {
			t.Errorf("the chart strikes out %s", m.label)
		}
	}
	if len(r.Economy) != 1 || !r.Economy[0].Located || math.Abs(r.Economy[0].BPW-3.13) > .001 {
		t.Errorf("%+v", r.Economy)
	}
}

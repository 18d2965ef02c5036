package report_test

import (
	"fmt"

	"bitmill/eval/report"
	"bitmill/eval/threshold"
)

func ExampleSummary() {
	m := report.Model{Name: "m", Source: report.Blank("BF16")}
	for _, f := range []struct {
		format    string
		bits      int64
		kld, klde float64
	}{{"Q8_0", 8510, .0004, .00001}, {"Q4_K_M", 4890, .0282, .0002}, {"Q2_K", 3160, .332, .002}} {
		row := report.Blank(f.format)
		row.PayloadBits, row.Weights, row.FileBytes = f.bits*1000, 1_000_000, f.bits*125
		row.PPL, row.KLD, row.KLDSE = 8, f.kld, f.klde
		m.Artifacts = append(m.Artifacts, row)
	}
	r := &report.Report{Models: []report.Model{m}}
	r.Fit(threshold.Options{Budget: 0.1})
	for _, s := range report.Summary(r) {
		fmt.Println(s)
	}
	// Output:
	// Deploy m Q4_K_M (611 kB): good. Safer: Q8_0 (1.06 MB, nearly lossless).
}

package report

import (
	"math"

	"bitmill/eval/pareto"
)

// Candidates lists the measured artifacts and sources of the reports, as pareto ranks them.
func Candidates(reports []*Report) []pareto.Candidate {
	var out []pareto.Candidate
	for _, r := range reports {
		for i := range r.Models {
			m := &r.Models[i]
			add := func(row *Row, kld float64) {
				if !row.Measured() || !(row.BitsPerByte > 0) {
					return
				}
				c := pareto.Candidate{Model: m.Name, Format: row.Format, FileBytes: row.FileBytes, KVBytes: m.KVBytes,
					Loss: row.BitsPerByte, KLD: kld, Text: r.Text.key()}
				for _, nll := range row.WindowNLL { // nats per token to bits per byte
					c.Series = append(c.Series, nll*row.BitsPerByte/math.Log(row.PPL))
				}
				out = append(out, c)
			}
			add(&m.Source, 0)
			for k := range m.Artifacts {
				add(&m.Artifacts[k], m.Artifacts[k].KLD)
			}
		}
	}
	return out
}

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
			if m.Source.ranks() {
				c := m.candidate(&m.Source, &r.Text)
				c.Source, c.KLD, c.KLDSeries = true, 0, nil
				out = append(out, c)
			}
			for k := range m.Artifacts {
				if m.Artifacts[k].ranks() {
					out = append(out, m.candidate(&m.Artifacts[k], &r.Text))
				}
			}
		}
	}
	return out
}

// ranks reports whether the row has a loss that compares between models.
func (r *Row) ranks() bool { return r.Measured() && r.BitsPerByte > 0 }

// sized is one row of the model with what its memory is counted from.
func (m *Model) sized(row *Row) pareto.Candidate {
	return pareto.Candidate{Model: m.Name, Format: row.Format, Path: row.Path, Most: m.Context, FileBytes: row.FileBytes,
		KVBytes: m.KVBytes, Window: m.Window, WindowBytes: m.WindowBytes, StateBytes: m.StateBytes}
}

// candidate is one row of the model.
func (m *Model) candidate(row *Row, text *TextInfo) pareto.Candidate {
	c := m.sized(row)
	c.Loss, c.KLD, c.KLDSE, c.KLDSeries = row.BitsPerByte, row.KLD, row.KLDSE, row.WindowKLD
	c.Text, c.From, c.Windows, c.Vocabulary = text.key(), m.Name+" "+m.SourceHash, row.Windows, m.Vocabulary
	scale := row.BitsPerByte / math.Log(row.PPL) // nats per token to bits per byte
	c.LossSE = scale * row.PPLSE / row.PPL
	for _, nll := range row.WindowNLL {
		c.Series = append(c.Series, scale*nll)
	}
	return c
}

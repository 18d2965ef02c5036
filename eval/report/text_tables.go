package report

import (
	"fmt"
	"slices"

	"bitmill/eval/threshold"
	"bitmill/formats"
)

// economyTable holds a model against the smaller ones, artifact by artifact.
func economyTable(e *threshold.Economy) table {
	heads := []string{"Format", "BPW", "Size", "Smaller model at equal bytes", "Δ ln PPL", "Interval", "Verdict"}
	larger := clean(e.Larger)
	t := textTable(heads, 0, 3, 6).named("Economy of "+larger,
		fmt.Sprintf("Negative Δ ln PPL, nats per token: %s wins. Intervals at %s.", larger, level(e.Level)))
	for _, c := range slices.Backward(e.Comparisons) {
		bpw := fmt.Sprintf("%.4f", c.BPW)
		row := []string{clean(c.Format), bpw, size(c.FileBytes), or(clean(c.Rival)), none, none, clean(c.Verdict)}
		if c.Rival != "" {
			row[4] = fmt.Sprintf("%+.4f", c.Mean)
			row[5] = fmt.Sprintf("%+.4f to %+.4f", c.Low, c.High)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// bucketTable is KLD by how sure the source was.
func (m *Model) bucketTable() table {
	heads, edges := []string{"Format"}, []float64{}
	var rows [][]string
	for _, row := range m.sorted() {
		if len(row.Confidence) == 0 {
			continue
		}
		if len(heads) == 1 {
			from := 0.0
			for _, b := range row.Confidence {
				size := formats.Several(b.Tokens, "token")
				if row.Sample != nil { // other rows have other tokens
					size = fmt.Sprintf("%.0f %%", 100*float64(b.Tokens)/float64(max(row.Tokens, 1)))
				}
				heads = append(heads, fmt.Sprintf("%g to %g (%s)", from, b.Below, size))
				edges = append(edges, b.Below)
				from = b.Below
			}
		}
		cells := []string{clean(row.Format)}
		for i, b := range row.Confidence {
			if i < len(edges) && b.Below == edges[i] {
				cells = append(cells, measure(b.KLD, 0, false))
			}
		}
		if len(cells) == len(heads) {
			rows = append(rows, cells)
		}
	}
	t := textTable(heads, 0).named("Divergence by confidence of "+clean(m.Name),
		"Mean KLD, nats, of the tokens whose likeliest continuation has such a probability by the source.")
	t.Rows = rows
	return t
}

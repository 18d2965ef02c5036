package report

import (
	"fmt"
	"math"

	"bitmill/eval/paired"
	"bitmill/eval/threshold"
)

// Step compares an artifact with the next smaller one of its model, window by window: the cost of the saved bytes. P is
// two-sided, from the block bootstrap, corrected by Holm over the steps of the model.
type Step struct {
	From string      `json:"from"`
	To   string      `json:"to"`
	Loss paired.Test `json:"loss"` // nats per token more
	KLD  paired.Test `json:"kld"`  // nats per token more
}

// divergence is the row's from its source.
func (r *Row) divergence() paired.Estimate {
	return paired.Estimate{Value: r.KLD, SE: r.KLDSE, Series: r.WindowKLD, Items: r.Windows}
}

// loss is the row's mean loss, ln PPL.
func (r *Row) loss() paired.Estimate {
	return paired.Estimate{Value: math.Log(r.PPL), SE: r.PPLSE / r.PPL, Series: r.WindowNLL, Items: r.Windows}
}

// steps makes the comparisons; those of artifacts without windows, or with too few, are left out.
func (m *Model) steps(o threshold.Options) []Step {
	var out []Step
	var losses, klds []float64
	rows := m.sorted()
	for i := 1; i < len(rows); i++ {
		from, to := rows[i-1], rows[i]
		loss, err := to.loss().Paired(from.loss(), o.Options)
		if err != nil {
			continue
		}
		kld, err := to.divergence().Paired(from.divergence(), o.Options)
		if err != nil {
			continue
		}
		loss.Difference, kld.Difference = loss.Rounded(), kld.Rounded()
		out = append(out, Step{From: from.Format, To: to.Format, Loss: loss, KLD: kld})
		losses, klds = append(losses, loss.P), append(klds, kld.P)
	}
	losses, klds = paired.Holm(losses), paired.Holm(klds)
	for i := range out {
		out[i].Loss.P, out[i].KLD.P = losses[i], klds[i]
	}
	return out
}

// stepTable holds each format against the next smaller one.
func (m *Model) stepTable() table {
	heads := []string{"From", "To", "Δ ln PPL", "Interval", "p", "Δ KLD", "Interval", "p"}
	t := textTable(heads, 0, 1).named("Steps of "+clean(m.Name),
		"Each format against the next smaller one on the same chunks: mean difference in nats per token, "+
			"its interval and p-value (block bootstrap, corrected by Holm).")
	for _, s := range m.Steps {
		row := []string{clean(s.From), clean(s.To)}
		for _, x := range []paired.Test{s.Loss, s.KLD} {
			row = append(row, fmt.Sprintf("%+.5f", x.Mean), fmt.Sprintf("%+.5f to %+.5f", x.Low, x.High), probability(x.P))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// probability prints a p-value to two digits.
func probability(p float64) string {
	if math.IsNaN(p) {
		return none
	}
	return fmt.Sprintf("%.2g", p)
}

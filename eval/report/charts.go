package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"

	"bitmill/eval/paired"
	"bitmill/eval/pareto"
)

// bar is the length of an error bar, 0 of one that cannot be drawn.
func bar(e float64) float64 {
	if plausible(e, 0, 1e6) {
		return e
	}
	return 0
}

// ranked lists the files that can be drawn, by size, dominated ones marked.
func (r *Report) ranked() []pareto.Candidate {
	all := slices.DeleteFunc(Candidates([]*Report{r}), func(c pareto.Candidate) bool {
		return !plausible(float64(c.FileBytes), 1, 1e16) || !plausible(c.Loss, 1e-6, 1e6)
	})
	if pareto.Rank(all, paired.Options{Looks: Looks(r)}) != nil {
		return nil
	}
	return all
}

// paretoChart is loss against file size, dominated files crossed out. Bars are intervals of the difference from the
// source's loss, which is known far better, window by window, than the loss itself.
func paretoChart(r *Report) *chart {
	c := &chart{title: "Loss in bits per byte of text against file size", x: "file size, logarithmic",
		y: "loss, bits per byte of text", logX: true, ticks: logTicks(roundSize)}
	all := r.ranked()
	z := paired.Quantile(claimLevel)
	for i := range r.Models {
		m := &r.Models[i]
		s := series{name: clean(m.Name), main: true}
		for _, row := range append([]*Row{&m.Source}, m.sorted()...) {
			k := slices.IndexFunc(all, func(c pareto.Candidate) bool {
				return c.Model == m.Name && c.Format == row.Format && c.FileBytes == row.FileBytes && c.Loss == row.BitsPerByte
			})
			if k < 0 || row.hopeless() {
				continue
			}
			e := z * row.LnRatioSE * row.BitsPerByte / math.Log(row.PPL)
			s.marks = append(s.marks, mark{x: float64(row.FileBytes), y: row.BitsPerByte, err: bar(e),
				label: clean(row.Format), title: m.lossTitle(row),
				crossed: all[k].Dominated != "", apart: all[k].Dominated != ""})
		}
		for i := range m.Probes {
			row := &m.Probes[i]
			if row.ranks() && !row.hopeless() && plausible(float64(row.FileBytes), 1, 1e16) && plausible(row.BitsPerByte, 1e-6, 1e6) {
				e := z * row.LnRatioSE * row.BitsPerByte / math.Log(row.PPL)
				s.marks = append(s.marks, mark{x: float64(row.FileBytes), y: row.BitsPerByte, err: bar(e), title: m.lossTitle(row)})
			}
		}
		slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Compare(b.x, a.x) })
		if len(s.marks) > 0 {
			c.all = append(c.all, s)
		}
	}
	return c
}

// hopeless reports whether a file diverges beyond any use, and would squeeze all others in a chart of losses.
func (r *Row) hopeless() bool { return r.Compared() && r.KLD > 1 }

func (m *Model) lossTitle(r *Row) string {
	return fmt.Sprintf("%s %s: %s, %.5f bits per byte", m.Name, r.Format, size(r.FileBytes), r.BitsPerByte)
}

// resourceCharts show the artifacts' costs against BPW, one chart per resource, with the fitted lines.
func resourceCharts(r *Report) []*chart {
	var out []*chart
	at := map[string]*chart{}
	for i := range r.Models {
		for _, claim := range r.Models[i].Claims() {
			c := at[claim.Resource]
			if c == nil {
				c = &chart{title: claim.Resource + " against bits per weight", x: "bits per weight",
					y: claim.Resource + ", " + claim.Unit, zero: true, width: 360, height: 260}
				at[claim.Resource] = c
				out = append(out, c)
			}
			s := series{name: clean(claim.Model), bare: true, main: true}
			for k, x := range claim.Costs {
				s.marks = append(s.marks, mark{x: x.BPW, y: x.Value, err: bar(claim.sd[k]), label: clean(x.Format)})
			}
			if claim.Reason == "" {
				s.fit = func(x float64) float64 { return claim.Intercept + claim.Slope*x }
			}
			c.all = append(c.all, s)
		}
	}
	return out
}

// addNamed adds a series, if it has marks.
func (c *chart) addNamed(s series) {
	if len(s.marks) > 0 {
		c.all = append(c.all, s)
	}
}

// focus are the formats that keep their colours where there are many: those of the decision, their neighbours, and the
// ends.
func (m *Model) focus() map[*Row]bool {
	rows, d := m.sorted(), m.decide()
	out := map[*Row]bool{d.Deploy: true, d.Smaller: true, d.Safer: true}
	if i := slices.Index(rows, d.Deploy); i >= 0 {
		out[rows[max(i-1, 0)]], out[rows[min(i+1, len(rows)-1)]] = true, true
		out[rows[0]], out[rows[len(rows)-1]] = true, true
	}
	return out
}

// confidenceChart is KLD by how sure the source was, one line per format.
func confidenceChart(m *Model) *chart {
	c := &chart{title: "KL divergence of " + clean(m.Name) + " by the source's confidence",
		x: "probability of the source's likeliest token, up to", y: "KLD, nats per token",
		logY: true, ends: true, height: 300}
	var edges plot.ConstantTicks
	focus := m.focus()
	for _, row := range m.sorted() {
		s := series{name: clean(row.Format), main: focus[row]}
		for _, b := range row.Confidence {
			if b.Tokens > 0 && plausible(b.KLD, drawnKLD, 1e6) && plausible(b.Below, 0, 1) {
				s.marks = append(s.marks, mark{x: b.Below, y: b.KLD,
					title: fmt.Sprintf("%s up to %s: KLD %s nats", row.Format, number(b.Below), number(b.KLD))})
				edges = append(edges, plot.Tick{Value: b.Below, Label: number(b.Below)})
			}
		}
		c.addNamed(s)
	}
	slices.SortFunc(edges, func(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) })
	c.ticks = slices.Compact(edges)
	return c
}

// layerChart is the mean relative error by layer, one line per format.
func layerChart(m *Model, t *tensorGrid) *chart {
	c := &chart{title: "Mean relative error of the tensors of " + clean(m.Name) + " by layer",
		x: "layer", y: "mean relative error", logY: true, ends: true, height: 300, ticks: wholeTicks}
	focus := m.focus()
	for i, row := range t.rows {
		s := series{name: clean(row.Format), main: focus[row]}
		for layer := range t.layers {
			if v := t.mean(i, func(l int, _ string) bool { return l == layer }); plausible(v, 1e-9, 1e6) {
				s.marks = append(s.marks, mark{x: float64(layer), y: v,
					title: fmt.Sprintf("%s, layer %d: %s", row.Format, layer, number(v))})
			}
		}
		c.addNamed(s)
	}
	return c
}

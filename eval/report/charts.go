package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"

	"bitmill/eval/paired"
	"bitmill/eval/pareto"
	"bitmill/eval/threshold"
)

// kldChart is KLD against BPW on a log scale with the budget, the fidelity thresholds in their intervals, and the
// knees. The lines are the lower envelopes that both are fitted to.
func kldChart(r *Report) *chart {
	c := &chart{title: "KL divergence from the source against bits per weight", x: "bits per weight",
		y: "KLD, nats per token", logY: true, right: .12}
	budget, vertical := 0.0, 0
	for i := range r.Models {
		m := &r.Models[i]
		s, encoders := series{name: clean(m.Name)}, series{name: clean(m.Name) + ", reference"}
		envelope := threshold.Envelope(m.Points(), m.Fidelity.Budget)
		for _, row := range m.sorted() {
			bits := row.Point(false).BPW()
			if row.Compared() && plausible(row.KLD, 1e-9, 1e6) && plausible(bits, 1e-3, 1e3) {
				s.marks = append(s.marks, mark{x: bits, y: row.KLD, err: bar(row.KLDSE), label: clean(row.Format),
					apart: !onEnvelope(envelope, row)})
				if e := row.Reference; e != nil && plausible(e.KLD, 1e-9, 1e6) {
					encoders.marks = append(encoders.marks, mark{x: bits, y: e.KLD, err: bar(e.KLDSE)})
				}
			}
		}
		for i := range m.Probes {
			row := &m.Probes[i]
			bits := row.Point(false).BPW()
			if row.Compared() && plausible(row.KLD, 1e-9, 1e6) && plausible(bits, 1e-3, 1e3) {
				s.marks = append(s.marks, mark{x: bits, y: row.KLD, err: bar(row.KLDSE), apart: !onEnvelope(envelope, row)})
			}
		}
		if len(s.marks) == 0 {
			continue
		}
		slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Compare(b.x, a.x) })
		k := len(c.all)
		if c.all = append(c.all, s); len(encoders.marks) > 0 {
			c.all = append(c.all, encoders)
		}
		f := &m.Fidelity
		if budget == 0 && plausible(f.Budget, 1e-9, 1e6) {
			budget = f.Budget
			c.rules = append(c.rules, rule{y: budget, label: fmt.Sprintf("budget %g", budget), colour: limit})
		}
		if budget > 0 && f.Located && plausible(f.BPW, 1e-3, 1e3) {
			low, high := f.Low, f.High
			if !plausible(low, 1e-3, f.BPW) {
				low = 0 // open: to the edge of the plot
			}
			if !plausible(high, f.BPW, 1e3) {
				high = 1e3
			}
			c.rules = append(c.rules, rule{vertical: true, x: f.BPW, y: budget, low: low, high: high, band: bands[k%len(bands)],
				label: fmt.Sprintf("%.2f", f.BPW), colour: hue[k%len(hue)], step: vertical})
			vertical++
		}
		if l := r.economyOf(m); l != nil && plausible(l.BPW, 1e-3, 1e3) {
			c.rules = append(c.rules, rule{vertical: true, x: l.BPW, y: s.at(l.BPW), low: l.Low, high: l.High,
				band: bands[k%len(bands)], label: fmt.Sprintf("economy %.2f", l.BPW), colour: hue[k%len(hue)], step: vertical})
			vertical++
		}
		if n := &m.Knee; n.Located && plausible(n.BPW, s.marks[len(s.marks)-1].x, s.marks[0].x) {
			r := rule{vertical: true, x: n.BPW, y: s.at(n.BPW), label: fmt.Sprintf("knee %.2f", n.BPW),
				colour: hue[k%len(hue)], step: vertical}
			vertical++
			if plausible(n.Low, 1e-3, n.BPW) && plausible(n.High, n.BPW, 1e3) {
				r.low, r.high, r.band = n.Low, n.High, bands[k%len(bands)]
			}
			c.rules = append(c.rules, r)
		}
	}
	return c
}

// economyOf is the economy threshold that was located for a model, with a closed interval; nil when there is none.
func (r *Report) economyOf(m *Model) *threshold.Location {
	for i := range r.Located {
		l := &r.Located[i]
		if l.Threshold == threshold.ForEconomy && l.Model == m.Name && l.Located && l.Low > 0 && l.High > l.Low {
			return l
		}
	}
	return nil
}

// onEnvelope reports whether a row is one of the points.
func onEnvelope(points []threshold.Point, r *Row) bool {
	return slices.ContainsFunc(points, func(p threshold.Point) bool { return p.Format == r.Format })
}

// bar is the length of an error bar, 0 of one that cannot be drawn.
func bar(e float64) float64 {
	if plausible(e, 0, 1e6) {
		return e
	}
	return 0
}

// at is the height of the line at x where y is drawn on a log scale. Marks are sorted by falling x.
func (s *series) at(x float64) float64 {
	line := s.line()
	for i := 1; i < len(line); i++ {
		a, b := line[i], line[i-1]
		if a.x <= x && x <= b.x && a.x < b.x {
			t := (x - a.x) / (b.x - a.x)
			return math.Exp((1-t)*math.Log(a.y) + t*math.Log(b.y))
		}
	}
	return s.marks[0].y
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
	c := &chart{title: "Loss in bits per byte of text against file size", x: "file size", y: "bits per byte",
		logX: true, ticks: logTicks{roundSize}, right: .1}
	all := r.ranked()
	z := paired.Quantile(claimLevel)
	for i := range r.Models {
		m := &r.Models[i]
		s := series{name: clean(m.Name)}
		for _, row := range append([]*Row{&m.Source}, m.sorted()...) {
			k := slices.IndexFunc(all, func(c pareto.Candidate) bool {
				return c.Model == m.Name && c.Format == row.Format && c.FileBytes == row.FileBytes && c.Loss == row.BitsPerByte
			})
			if k < 0 {
				continue
			}
			e := z * row.LnRatioSE * row.BitsPerByte / math.Log(row.PPL)
			s.marks = append(s.marks, mark{x: float64(row.FileBytes), y: row.BitsPerByte, err: bar(e),
				label: clean(row.Format), crossed: all[k].Dominated != "", apart: all[k].Dominated != ""})
		}
		for i := range m.Probes {
			row := &m.Probes[i]
			if row.ranks() && plausible(float64(row.FileBytes), 1, 1e16) && plausible(row.BitsPerByte, 1e-6, 1e6) {
				e := z * row.LnRatioSE * row.BitsPerByte / math.Log(row.PPL)
				s.marks = append(s.marks, mark{x: float64(row.FileBytes), y: row.BitsPerByte, err: bar(e)})
			}
		}
		slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Compare(b.x, a.x) })
		if len(s.marks) > 0 {
			c.all = append(c.all, s)
		}
	}
	return c
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
					y: claim.Resource + ", " + claim.Unit, zero: true, width: panelWidth, height: 240, right: .15}
				at[claim.Resource] = c
				out = append(out, c)
			}
			s := series{name: clean(claim.Model), bare: true}
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

// addNamed adds a series, if it has marks, and writes its name beside the last one.
func (c *chart) addNamed(s series) {
	if n := len(s.marks); n > 0 {
		s.marks[n-1].label = s.name
		c.all = append(c.all, s)
	}
}

// confidenceChart is KLD by how sure the source was, one line per format.
func confidenceChart(m *Model) *chart {
	c := &chart{title: "KL divergence of " + clean(m.Name) + " by the source's confidence",
		x: "probability of the source's likeliest token, up to", y: "KLD, nats per token",
		logY: true, right: .12, height: 260}
	var edges plot.ConstantTicks
	for _, row := range m.sorted() {
		s := series{name: clean(row.Format)}
		for _, b := range row.Confidence {
			if b.Tokens > 0 && plausible(b.KLD, 1e-9, 1e6) && plausible(b.Below, 0, 1) {
				s.marks = append(s.marks, mark{x: b.Below, y: b.KLD})
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
		x: "layer", y: "relative error", logY: true, right: .12, height: 260, ticks: wholeTicks{}}
	for i, row := range t.rows {
		s := series{name: clean(row.Format)}
		for layer := range t.layers {
			if v := t.mean(i, func(l int, _ string) bool { return l == layer }); plausible(v, 1e-9, 1e6) {
				s.marks = append(s.marks, mark{x: float64(layer), y: v})
			}
		}
		c.addNamed(s)
	}
	return c
}

package report

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"bitmill/eval/threshold"
)

// Marker colours: svg turns each into a CSS value, so that the page's light and dark style applies to the plot too.
var (
	ink   = color.RGBA{1, 1, 1, 255} // text, axes
	faint = color.RGBA{2, 2, 2, 255} // grid
	limit = color.RGBA{3, 3, 3, 255} // budget and threshold
	hue   = []color.RGBA{{4, 0, 0, 255}, {4, 1, 0, 255}, {4, 2, 0, 255}, {4, 3, 0, 255}, {4, 4, 0, 255}, {4, 5, 0, 255}}
	shape = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}}
	sign  = []string{"●", "■", "▲", "○", "□", "△"} // shape, in the legend
)

const (
	plotWidth  = 660 * vg.Length(1) // points, the units of the view box
	plotHeight = 360 * vg.Length(1)
)

// mark is one artifact in a plot.
type mark struct {
	x, y, err float64
	label     string
}

// series is one model in a plot.
type series struct {
	name     string
	marks    []mark
	fidelity *threshold.Fidelity
}

// plausible keeps out of a plot what would stretch its axes to nothing; the table still has it. NaN is not plausible.
func plausible(v, low, high float64) bool { return low <= v && v <= high }

// kldSeries are KLD against BPW, artifacts only.
func kldSeries(r *Report) []series {
	var out []series
	for i := range r.Models {
		m := &r.Models[i]
		s := series{name: clean(m.Name), fidelity: &m.Fidelity}
		for _, row := range m.sorted() {
			bits := row.Point(false).BPW()
			if row.Compared() && plausible(row.KLD, 1e-9, 1e6) && plausible(bits, 1e-3, 1e3) {
				e := 0.0
				if plausible(row.KLDSE, 0, 1e6) {
					e = row.KLDSE
				}
				s.marks = append(s.marks, mark{bits, row.KLD, e, clean(row.Format)})
			}
		}
		if len(s.marks) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// pplSeries are perplexity against file size, the source included.
func pplSeries(r *Report) []series {
	var out []series
	for i := range r.Models {
		m := &r.Models[i]
		s := series{name: clean(m.Name), fidelity: &m.Fidelity}
		for _, row := range append([]*Row{&m.Source}, m.sorted()...) {
			if plausible(row.PPL, 1, 1e12) && plausible(float64(row.FileBytes), 1, 1e16) {
				s.marks = append(s.marks, mark{float64(row.FileBytes), row.PPL, 0, clean(row.Format)})
			}
		}
		slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Compare(b.x, a.x) })
		if len(s.marks) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// kldPlot draws KLD against BPW on a log scale with the budget and the fidelity thresholds; "" without data.
func kldPlot(all []series) (string, error) {
	if len(all) == 0 {
		return "", nil
	}
	p := newPlot("bits per weight", "KLD, nats per token")
	x, y := spread(all)
	budget := all[0].fidelity.Budget
	if !plausible(budget, 1e-9, 1e6) {
		budget = 0
	}
	if budget > 0 {
		y.include(budget)
	}
	p.X.Min, p.X.Max = math.Max(0, x.low-.4), x.high+.7
	p.X.Tick.Marker = wholeTicks{}
	p.Y.Min, p.Y.Max = y.low/1.6, y.high*1.6
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{number}
	p.Add(newGrid())
	var rules []rule
	if budget > 0 {
		rules = append(rules, rule{y: budget, label: fmt.Sprintf("budget %g", budget), colour: limit})
	}
	for i, s := range all {
		if f := s.fidelity; budget > 0 && f.Located {
			rules = append(rules, rule{vertical: true, x: f.BPW, y: budget, floor: p.Y.Min, label: fmt.Sprintf("%.2f", f.BPW),
				colour: hue[i%len(hue)], step: i})
		}
	}
	for _, r := range rules {
		p.Add(r)
	}
	if err := addSeries(p, all, rules); err != nil {
		return "", err
	}
	return svg(p, "KL divergence from the source against bits per weight")
}

// pplPlot draws perplexity against file size; "" unless there are two models, as KLD says it all for one.
func pplPlot(all []series) (string, error) {
	if len(all) < 2 {
		return "", nil
	}
	p := newPlot("file size", "perplexity")
	x, y := spread(all)
	p.X.Min, p.X.Max = x.low/1.15, x.high*1.2
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{roundSize}
	if y.high > 3*y.low {
		p.Y.Min, p.Y.Max = y.low/1.3, y.high*1.3
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{number}
	} else {
		pad := math.Max(.08*(y.high-y.low), 1e-3*y.high)
		p.Y.Min, p.Y.Max = y.low-pad, y.high+pad
	}
	p.Add(newGrid())
	if err := addSeries(p, all, nil); err != nil {
		return "", err
	}
	return svg(p, "Perplexity against file size")
}

func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Tick.Color, a.Tick.Label.Color, a.Label.TextStyle.Color = faint, faint, ink, ink
		a.Tick.Label.Font, a.Label.TextStyle.Font = face(11), face(11)
		a.Tick.Length, a.Padding, a.Label.Padding = 4, 0, 6
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	return p
}

func face(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func newGrid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = faint, faint
	g.Horizontal.Width, g.Vertical.Width = .5, .5
	return g
}

// addSeries draws the lines and points of each series, then all labels. The legend is the page's.
func addSeries(p *plot.Plot, all []series, rules []rule) error {
	for i, s := range all {
		xys := make(plotter.XYs, len(s.marks))
		errors := make(plotter.YErrors, len(s.marks))
		for k, m := range s.marks {
			xys[k].X, xys[k].Y = m.x, m.y
			errors[k].Low, errors[k].High = math.Min(m.err, m.y-p.Y.Min), m.err
		}
		line, points, err := plotter.NewLinePoints(xys)
		if err != nil {
			return fmt.Errorf("plot of %s: %w", s.name, err)
		}
		c := hue[i%len(hue)]
		line.Color, line.Width = c, 1.25
		points.GlyphStyle = draw.GlyphStyle{Color: c, Radius: 3.5, Shape: shape[i%len(shape)]}
		bars, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{xys, errors})
		if err != nil {
			return fmt.Errorf("plot of %s: %w", s.name, err)
		}
		bars.Color, bars.Width, bars.CapWidth = c, 1, 5
		p.Add(line, bars, points)
	}
	p.Add(labels{all, rules})
	return nil
}

// extent is a range of values.
type extent struct{ low, high float64 }

func (e *extent) include(v float64) { e.low, e.high = math.Min(e.low, v), math.Max(e.high, v) }

func spread(all []series) (x, y extent) {
	x, y = extent{math.Inf(1), math.Inf(-1)}, extent{math.Inf(1), math.Inf(-1)}
	for _, s := range all {
		for _, m := range s.marks {
			x.include(m.x)
			y.include(m.y)
		}
	}
	return x, y
}

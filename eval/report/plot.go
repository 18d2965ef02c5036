package report

import (
	"cmp"
	"html/template"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Marker colours: svg turns each into a CSS value, so that the page's light and dark style applies to the plot too.
var (
	ink   = color.RGBA{1, 1, 1, 255} // text, axes
	faint = color.RGBA{2, 2, 2, 255} // grid
	limit = color.RGBA{3, 3, 3, 255} // budget
	hue   = []color.RGBA{{4, 0, 0, 255}, {4, 1, 0, 255}, {4, 2, 0, 255}, {4, 3, 0, 255}, {4, 4, 0, 255}, {4, 5, 0, 255}}
	// bands are the hues, faint.
	bands = []color.RGBA{{7, 0, 0, 255}, {7, 1, 0, 255}, {7, 2, 0, 255}, {7, 3, 0, 255}, {7, 4, 0, 255}, {7, 5, 0, 255}}
	shape = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{},
		draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}}
	sign = []string{"●", "■", "▲", "○", "□", "△"} // shape, in the legend
)

const (
	plotWidth  = 660 * vg.Length(1) // points, the units of the view box
	plotHeight = 360 * vg.Length(1)
	panelWidth = 330 * vg.Length(1) // of several plots side by side
)

// mark is one artifact in a plot.
type mark struct {
	x, y, err float64
	label     string
	crossed   bool // crossed out
	apart     bool // not joined to the others by the line
}

// series is one model, or one format, in a plot.
type series struct {
	name  string
	marks []mark
	fit   func(x float64) float64 // nil, or a straight line drawn beside the marks
	bare  bool                    // marks are not joined
}

// line are the marks that are joined.
func (s *series) line() []mark {
	if s.bare {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.marks), func(m mark) bool { return m.apart })
}

// chart is a plot of series.
type chart struct {
	title, x, y   string
	width, height vg.Length // 0: the page's
	all           []series
	rules         []rule
	logX, logY    bool
	zero          bool        // y begins at 0
	ticks         plot.Ticker // of x; nil: even steps
	right         float64     // room for labels on the right, as a share of the range
}

// plausible reports whether a value may be drawn: others, and NaN, would squeeze the plot. The table still has them.
func plausible(v, low, high float64) bool { return low <= v && v <= high }

// svg draws the chart; "" without marks.
func (c *chart) svg() template.HTML {
	if len(c.all) == 0 {
		return ""
	}
	p := newPlot(c.x, c.y)
	x, y := spread(c.all)
	for _, s := range c.all {
		for _, m := range s.marks {
			y.include(m.y + m.err)
		}
	}
	for _, r := range c.rules {
		if !r.vertical {
			y.include(r.y)
		}
	}
	p.X.Tick.Marker = c.ticks
	if c.ticks == nil {
		p.X.Tick.Marker = evenTicks{}
	}
	p.Y.Tick.Marker = evenTicks{}
	p.X.Min, p.X.Max = pad(x, c.logX, .05, max(c.right, .05))
	p.Y.Min, p.Y.Max = pad(y, c.logY, .08, .08)
	if c.logX {
		p.X.Scale = logScale{}
	}
	switch {
	case c.logY:
		p.Y.Scale, p.Y.Tick.Marker = logScale{}, logTicks{number}
	case c.zero:
		p.Y.Min = 0
	}
	p.Add(newGrid())
	rules := placed(c.rules, p)
	for _, r := range rules {
		p.Add(r)
	}
	addSeries(p, c.all)
	p.Add(labels{c.all, rules}) // the legend is the page's
	return svg(p, cmp.Or(c.width, plotWidth), cmp.Or(c.height, plotHeight), c.title)
}

// pad widens a range by shares of it; one without width, by something.
func pad(e extent, log bool, below, above float64) (low, high float64) {
	if log {
		low, high = pad(extent{math.Log(e.low), math.Log(e.high)}, false, below, above)
		return math.Exp(low), math.Exp(high)
	}
	width := e.high - e.low
	if width <= 1e-9*math.Abs(e.high) {
		width = max(math.Abs(e.high)/2, 1e-6)
	}
	return e.low - below*width, e.high + above*width
}

func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
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

// addSeries draws the lines and points of each series.
func addSeries(p *plot.Plot, all []series) {
	for i, s := range all {
		xys := make(plotter.XYs, len(s.marks))
		errors := make(plotter.YErrors, len(s.marks))
		for k, m := range s.marks {
			xys[k].X, xys[k].Y = m.x, m.y
			errors[k].Low, errors[k].High = math.Min(m.err, m.y-p.Y.Min), math.Min(m.err, p.Y.Max-m.y)
		}
		c := hue[i%len(hue)]
		var joined plotter.XYs
		for _, m := range s.line() {
			joined = append(joined, plotter.XY{X: m.x, Y: m.y})
		}
		if joined != nil {
			p.Add(&plotter.Line{XYs: joined, LineStyle: draw.LineStyle{Color: c, Width: 1.25}})
		}
		if s.fit != nil {
			x, _ := spread(all[i : i+1])
			dashes := draw.LineStyle{Color: c, Width: 1, Dashes: []vg.Length{4, 3}}
			p.Add(&plotter.Function{F: s.fit, XMin: x.low, XMax: x.high, Samples: 2, LineStyle: dashes})
		}
		if slices.ContainsFunc(s.marks, func(m mark) bool { return m.err > 0 }) {
			bars := draw.LineStyle{Color: c, Width: 1}
			p.Add(&plotter.YErrorBars{XYs: xys, YErrors: errors, LineStyle: bars, CapWidth: 5})
		}
		p.Add(&plotter.Scatter{XYs: xys, GlyphStyleFunc: func(k int) draw.GlyphStyle {
			if s.marks[k].crossed {
				return draw.GlyphStyle{Color: c, Radius: 5, Shape: cross{}}
			}
			return draw.GlyphStyle{Color: c, Radius: 3.5, Shape: shape[i%len(shape)]}
		}})
	}
}

// cross is a mark that is crossed out.
type cross struct{}

func (cross) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	style := draw.LineStyle{Color: s.Color, Width: 1.75}
	r := s.Radius
	c.StrokeLine2(style, at.X-r, at.Y-r, at.X+r, at.Y+r)
	c.StrokeLine2(style, at.X-r, at.Y+r, at.X+r, at.Y-r)
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

package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// chart is a plot of series.
type chart struct {
	title, x, y   string
	width, height float64 // 0: the usual
	all           []series
	logX, logY    bool
	zero          bool        // y begins at 0
	ends          bool        // names stand at the ends of the lines
	ticks         plot.Ticker // of x; nil: even steps
}

// series is one model, or one format, in a plot.
type series struct {
	name  string
	marks []mark
	fit   func(x float64) float64 // nil, or a straight line drawn beside the marks
	bare  bool                    // marks are not joined
	main  bool                    // keeps its colour where there are more series than colours
}

// mark is one artifact in a plot.
type mark struct {
	x, y, err float64 // err is 0 where y is logarithmic
	label     string
	title     string // what is told of it; "": its label and numbers
	crossed   bool   // crossed out
	apart     bool   // not joined to the others by the line
}

// colours is the number of colours, and of shapes: no two series of a plot look the same.
const colours = 8

// numbers gives series their colours and shapes, from 1; 0 is the grey of those that have none.
func (c *chart) numbers() []int {
	out := make([]int, len(c.all))
	next := 0
	for i, s := range c.all {
		if next < colours && (len(c.all) <= colours || s.main) {
			next++
			out[i] = next
		}
	}
	return out
}

// rest counts the series without a colour of their own.
func (c *chart) rest() int { return len(c.all) - slices.Max(append(c.numbers(), 0)) }

// line are the marks that are joined.
func (s *series) line() []mark {
	if s.bare {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.marks), func(m mark) bool { return m.apart })
}

const (
	plotWidth  = 720
	plotHeight = 330
	fontSize   = 12
)

// picture is a chart on its way into a drawing.
type picture struct {
	*chart
	canvas
	*plot.Plot
	area    draw.Canvas // of the marks
	numbers []int
}

// svg draws the chart; "" without marks.
func (c *chart) svg() template.HTML {
	if len(c.all) == 0 {
		return ""
	}
	d := &drawing{width: cmp.Or(c.width, plotWidth), height: cmp.Or(c.height, plotHeight)}
	p := &picture{chart: c, canvas: canvas{drawing: d}, Plot: plot.New(), numbers: c.numbers()}
	p.Add(&plotter.Grid{Vertical: lines("grid"), Horizontal: lines("grid")})
	right := 18.0
	for _, grey := range []bool{true, false} {
		for i, s := range c.all {
			if (p.numbers[i] == 0) == grey {
				p.Add(p.drawn(i))
			}
			if c.ends && p.numbers[i] > 0 {
				right = max(right, min(textWidth(s.name, 11)+26, d.width/3))
			}
		}
	}
	p.scales()
	whole := draw.NewCanvas(&p.canvas, vg.Length(d.width), vg.Length(d.height))
	inner := draw.Crop(whole, 0, vg.Length(-right), 24, -26) // around it stand the names of axes and series
	p.area = p.DataCanvas(inner)
	p.Draw(inner)
	low, high := p.place(p.area.Min), p.place(p.area.Max)
	d.text("axis", "start", point{0, 12}, c.y)
	d.text("axis", "end", point{high.x, d.height - 6}, c.x)
	if c.ends {
		p.endNames(high.x + 16)
	} else {
		p.names(box{low.x, high.y - 8, d.width, low.y})
	}
	return d.html("plot", c.title)
}

// scales gives the axes their scales, ticks and some room around the marks.
func (p *picture) scales() {
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Tick.Label.Color, a.Tick.Label.Font = class("tick"), sans
		a.Width, a.Tick.Length = 0, 0
	}
	p.X.Padding, p.Y.Padding = 7, 4
	p.X.Tick.Marker, p.Y.Tick.Marker = cmp.Or(p.ticks, plot.Ticker(evenTicks)), evenTicks
	if p.logX {
		p.X.Scale = plot.LogScale{}
	}
	if p.logY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks(number)
	}
	pad(&p.X, .05, .08)
	pad(&p.Y, .08, .08)
	if p.zero {
		p.Y.Min = 0
	}
}

func (p *picture) at(m mark) point {
	x, y := p.Transforms(&p.area)
	return p.place(vg.Point{X: x(m.x), Y: y(m.y)})
}

// points are the places of marks.
func (p *picture) points(marks []mark) (out []point) {
	for _, m := range marks {
		out = append(out, p.at(m))
	}
	return out
}

// drawn is a series as gonum/plot draws it, whose range is that of its bars.
type drawn struct {
	*plotter.YErrorBars
	p *picture
	i int
}

func (p *picture) drawn(i int) drawn {
	bars := &plotter.YErrorBars{XYs: values(p.all[i].marks), LineStyle: lines("bar")}
	for _, m := range p.all[i].marks {
		bars.YErrors = append(bars.YErrors, struct{ Low, High float64 }{m.err, m.err})
	}
	return drawn{bars, p, i}
}

func values(marks []mark) (out plotter.XYs) {
	for _, m := range marks {
		out = append(out, plotter.XY{X: m.x, Y: m.y})
	}
	return out
}

// Plot draws the line, the bars and the marks.
func (d drawn) Plot(c draw.Canvas, p *plot.Plot) {
	s, n := &d.p.all[d.i], d.p.numbers[d.i]
	d.p.group(fmt.Sprintf("series%d", n), "")
	(&plotter.Line{XYs: values(s.line()), LineStyle: lines("curve")}).Plot(c, p)
	if s.fit != nil {
		x0, x1, _, _ := d.DataRange()
		(&plotter.Function{F: s.fit, XMin: x0, XMax: x1, Samples: 2, LineStyle: lines("fit")}).Plot(c, p)
	}
	d.YErrorBars.Plot(c, p)
	for _, m := range s.marks {
		at := d.p.at(m)
		d.p.group("mark", d.p.titleOf(s, m))
		switch {
		case m.crossed:
			d.p.cross(at, 4)
		case n == 0:
			d.p.disc(at, 2)
		default:
			shapes[n-1](d.p.drawing, at, 4)
		}
		d.p.end()
	}
	d.p.end()
}

func (p *picture) titleOf(s *series, m mark) string {
	if m.title != "" {
		return m.title
	}
	name := s.name
	if m.label != "" && m.label != name {
		name += " " + m.label
	}
	return fmt.Sprintf("%s: %s at %s", name, number(m.y), number(m.x))
}

// names writes the marks' labels where there is room; their titles name the others.
func (p *picture) names(area box) {
	r := room{area: area}
	for _, s := range p.all {
		for _, m := range s.marks {
			r.taken = append(r.taken, around(p.at(m), 5))
		}
		r.lines = append(r.lines, alongAll(p.points(s.line()))...)
	}
	for i, s := range p.all {
		for _, m := range s.marks {
			if l, ok := r.place(p.at(m), textWidth(m.label, 11), 11*lineHeight, 5, 22); ok && m.label != "" {
				p.label(fmt.Sprintf("name series%d", p.numbers[i]), l, m.label)
			}
		}
	}
}

// A line of text is so high, and reaches so far below its base line, as shares of its size.
const (
	lineHeight = 1.05
	descent    = .25
)

// label writes a name at its place.
func (d *drawing) label(class string, l label, s string) {
	if l.lead {
		d.line("lead", l.from, l.to)
	}
	d.text(class, "middle", point{(l.left + l.right) / 2, l.bottom - (l.bottom-l.top)*descent/lineHeight}, s)
}

// endNames writes the series' names at x, right of their last marks, one below the other.
func (p *picture) endNames(x float64) {
	type name struct {
		i  int
		at point
		y  float64
	}
	var all []name
	for i, s := range p.all {
		if p.numbers[i] > 0 {
			at := p.at(s.marks[len(s.marks)-1])
			all = append(all, name{i, at, at.y})
		}
	}
	slices.SortStableFunc(all, func(a, b name) int { return cmp.Compare(a.at.y, b.at.y) })
	const high = 13
	for k := 1; k < len(all); k++ {
		all[k].y = max(all[k].y, all[k-1].y+high)
	}
	bottom := p.drawing.height - 30
	for k, next := len(all)-1, bottom+high; k >= 0; k-- {
		all[k].y = min(all[k].y, next-high)
		next = all[k].y
	}
	for _, n := range all {
		p.line("lead", point{n.at.x + 5, n.at.y}, point{x - 3, n.y})
		p.text(fmt.Sprintf("name series%d", p.numbers[n.i]), "start", point{x, n.y + 4}, p.all[n.i].name)
	}
}

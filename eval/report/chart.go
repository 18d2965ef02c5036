package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
)

// chart is a plot of series.
type chart struct {
	title, x, y   string
	width, height float64 // 0: the usual
	all           []series
	logX, logY    bool
	zero          bool                           // y begins at 0
	ends          bool                           // names stand at the ends of the lines
	ticks         func(low, high float64) []tick // of x; nil: even steps
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
	x, y, err float64
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
func (c *chart) rest() (n int) {
	for _, k := range c.numbers() {
		if k == 0 {
			n++
		}
	}
	return n
}

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

// plot is a chart on its way into a drawing.
type plot struct {
	*chart
	d       drawing
	x, y    axis
	area    box
	numbers []int
}

// svg draws the chart; "" without marks.
func (c *chart) svg() template.HTML {
	if len(c.all) == 0 {
		return ""
	}
	p := &plot{chart: c, numbers: c.numbers()}
	p.d.width, p.d.height = cmp.Or(c.width, plotWidth), cmp.Or(c.height, plotHeight)
	p.scales()
	p.grid()
	for i := range c.all {
		if p.numbers[i] == 0 {
			p.series(i)
		}
	}
	for i := range c.all {
		if p.numbers[i] > 0 {
			p.series(i)
		}
	}
	if c.ends {
		p.endNames()
	} else {
		p.names()
	}
	return p.d.html("plot", c.title)
}

// scales fits the axes to the marks.
func (p *plot) scales() {
	x, y := spread(p.all)
	for _, s := range p.all {
		for _, m := range s.marks {
			y.include(m.y + m.err)
		}
	}
	right := 18.0
	if p.ends {
		for i, s := range p.all {
			if p.numbers[i] > 0 {
				right = max(right, min(textWidth(s.name, 11)+26, p.d.width/3))
			}
		}
	}
	p.area = box{58, 26, p.d.width - right, p.d.height - 44}
	p.x = axis{from: p.area.left, to: p.area.right, log: p.logX}
	p.y = axis{from: p.area.bottom, to: p.area.top, log: p.logY}
	p.x.low, p.x.high = pad(x, p.logX, .05, .08)
	p.y.low, p.y.high = pad(y, p.logY, .08, .08)
	if p.zero && !p.logY {
		p.y.low = 0
	}
}

// grid draws ticks and the names of the axes.
func (p *plot) grid() {
	ticks := evenTicks
	if p.logY {
		ticks = logTicks(number)
	}
	for _, t := range ticks(p.y.low, p.y.high) {
		y := p.y.at(t.value)
		p.d.line("grid", point{p.area.left, y}, point{p.area.right, y})
		p.d.text("tick", "end", point{p.area.left - 7, y + 4}, t.label)
	}
	ticks = p.ticks
	if ticks == nil {
		ticks = evenTicks
	}
	last := math.Inf(-1)
	for _, t := range ticks(p.x.low, p.x.high) {
		x := p.x.at(t.value)
		p.d.line("grid", point{x, p.area.top}, point{x, p.area.bottom})
		half := textWidth(t.label, fontSize) / 2
		if x-half > last {
			p.d.text("tick", "middle", point{x, p.area.bottom + 17}, t.label)
			last = x + half + 4
		}
	}
	p.d.text("axis", "start", point{0, 12}, p.chart.y)
	p.d.text("axis", "end", point{p.area.right, p.d.height - 6}, p.chart.x)
}

func (p *plot) at(m mark) point { return point{p.x.at(m.x), p.y.at(m.y)} }

// points are the places of marks.
func (p *plot) points(marks []mark) (out []point) {
	for _, m := range marks {
		out = append(out, p.at(m))
	}
	return out
}

// series draws the line, the bars and the marks of a series.
func (p *plot) series(i int) {
	s, n := &p.all[i], p.numbers[i]
	p.d.group(fmt.Sprintf("series%d", n), "")
	p.d.path("curve", p.points(s.line()))
	if s.fit != nil {
		x, _ := spread(p.all[i : i+1])
		p.d.line("fit", p.at(mark{x: x.low, y: s.fit(x.low)}), p.at(mark{x: x.high, y: s.fit(x.high)}))
	}
	for _, m := range s.marks {
		at := p.at(m)
		if m.err > 0 {
			low := p.area.bottom
			if v := m.y - m.err; v > p.y.low {
				low = p.y.at(v)
			}
			p.d.line("bar", point{at.x, low}, point{at.x, p.y.at(m.y + m.err)})
		}
		p.d.group("mark", p.titleOf(s, m))
		switch {
		case m.crossed:
			p.d.line("cross", point{at.x - 4, at.y - 4}, point{at.x + 4, at.y + 4})
			p.d.line("cross", point{at.x - 4, at.y + 4}, point{at.x + 4, at.y - 4})
		case n == 0:
			p.d.disc(at, 2)
		default:
			shapes[n-1](&p.d, at, 4)
		}
		p.d.end()
	}
	p.d.end()
}

func (p *plot) titleOf(s *series, m mark) string {
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
func (p *plot) names() {
	r := room{area: box{p.area.left, p.area.top - 8, p.d.width, p.area.bottom}}
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

// label writes a name at its place.
func (p *plot) label(class string, l label, s string) { p.d.label(class, l, s) }

// A line of text is so high, and reaches so far below its base line, as shares of its size.
const (
	lineHeight = 1.05
	descent    = .25
)

func (d *drawing) label(class string, l label, s string) {
	if l.lead {
		d.line("lead", l.from, l.to)
	}
	d.text(class, "middle", point{(l.left + l.right) / 2, l.bottom - (l.bottom-l.top)*descent/lineHeight}, s)
}

// endNames writes the series' names right of their last marks, one below the other.
func (p *plot) endNames() {
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
	bottom := p.d.height - 30
	for k, next := len(all)-1, bottom+high; k >= 0; k-- {
		all[k].y = min(all[k].y, next-high)
		next = all[k].y
	}
	for _, n := range all {
		x := p.area.right + 16
		p.d.line("lead", point{n.at.x + 5, n.at.y}, point{x - 3, n.y})
		p.d.text(fmt.Sprintf("name series%d", p.numbers[n.i]), "start", point{x, n.y + 4}, p.all[n.i].name)
	}
}

// spread is the range of all marks.
func spread(all []series) (x, y extent) {
	x, y = noExtent(), noExtent()
	for _, s := range all {
		for _, m := range s.marks {
			x.include(m.x)
			y.include(m.y)
		}
	}
	return x, y
}

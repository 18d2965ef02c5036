package report

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// rule is a dashed line: level across the plot at y, or vertical at x from the plot's floor up to y, possibly with a
// band around it, the interval of x.
type rule struct {
	vertical    bool
	x, y, floor float64
	low, high   float64 // of the band; equal: there is none
	band        color.Color
	label       string
	colour      color.Color
	next        float64 // where the band of the next vertical rule on the right begins; 0: there is none
	step        int     // lifts the label of a vertical rule above those of its neighbours
}

func (r rule) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	style := draw.LineStyle{Color: r.colour, Width: 1, Dashes: []vg.Length{4, 3}}
	if r.vertical {
		x := trX(r.x)
		if r.high > r.low {
			fill(c, r.band, max(trX(r.low), c.Min.X), min(trX(r.high), c.Max.X), trY(r.floor), trY(r.y))
		}
		c.StrokeLine2(style, x, trY(r.floor), x, trY(r.y))
	} else {
		y := trY(r.y)
		c.StrokeLine2(style, c.Min.X, y, c.Max.X, y)
	}
	c.FillText(textStyle(10, r.colour), r.text(c, trX, trY).Min, r.label)
}

// text is the place that the label takes.
func (r rule) text(c draw.Canvas, trX, trY func(float64) vg.Length) vg.Rectangle {
	style := textStyle(10, r.colour)
	size := vg.Point{X: style.Width(r.label) * slack, Y: style.Height(r.label)}
	at := vg.Point{X: c.Max.X - 4 - size.X, Y: trY(r.y) + 2}
	if r.vertical {
		from, to := r.ends()
		at = vg.Point{X: trX(to) + 3, Y: trY(r.floor) + 3 + 13*vg.Length(r.step)}
		if r.next > r.x && at.X+size.X > trX(r.next) || at.X+size.X > c.Max.X { // on the other side, if there is room
			if left := trX(from) - 3 - size.X; left > c.Min.X {
				at.X = left
			}
		}
	}
	return vg.Rectangle{Min: at, Max: at.Add(size)}
}

// box is the place that the line takes.
func (r rule) box(c draw.Canvas, trX, trY func(float64) vg.Length) vg.Rectangle {
	if r.vertical {
		x := trX(r.x)
		return vg.Rectangle{Min: vg.Point{X: x - 1, Y: trY(r.floor)}, Max: vg.Point{X: x + 1, Y: trY(r.y)}}
	}
	y := trY(r.y)
	return vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y - 1}, Max: vg.Point{X: c.Max.X, Y: y + 1}}
}

// placed are the rules with the ends that depend on the plot's range, and on the other rules.
func placed(rules []rule, p *plot.Plot) []rule {
	rules = slices.Clone(rules)
	for i := range rules { // ends that were left open
		r := &rules[i]
		r.floor = p.Y.Min
		if r.high > r.low {
			r.low, r.high = max(r.low, p.X.Min), min(r.high, p.X.Max)
		}
	}
	for i := range rules {
		r := &rules[i]
		for _, o := range rules {
			if begin, _ := o.ends(); o.vertical && o.x > r.x && (r.next == 0 || begin < r.next) {
				r.next = max(begin, r.x+1e-9)
			}
		}
	}
	return rules
}

// ends are the places on the x axis where a vertical rule with its band begins and ends.
func (r rule) ends() (from, to float64) {
	if r.high > r.low {
		return min(r.x, r.low), max(r.x, r.high)
	}
	return r.x, r.x
}

// labels writes the format names beside their marks, each where it overlaps no mark, no line, no rule and no other
// label; a name without such a place is left out (the table has it).
type labels struct {
	series []series
	rules  []rule
}

// slack widens labels: the page's font may be wider than the one measured here.
const slack = 1.15

func (l labels) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	var taken []vg.Rectangle
	for _, r := range l.rules {
		taken = append(taken, r.box(c, trX, trY), r.text(c, trX, trY))
	}
	for _, s := range l.series {
		for _, m := range s.marks {
			at := vg.Point{X: trX(m.x), Y: trY(m.y)}
			taken = append(taken, around(at, 4))
			if top := trY(m.y + m.err); top > at.Y+4 { // bars; downward they end at the plot's edge
				low := max(2*at.Y-top, c.Min.Y)
				taken = append(taken, vg.Rectangle{Min: vg.Point{X: at.X - 2.5, Y: low}, Max: vg.Point{X: at.X + 2.5, Y: top}})
			}
		}
		line := s.line()
		for k := 1; k < len(line); k++ {
			from := vg.Point{X: trX(line[k-1].x), Y: trY(line[k-1].y)}
			taken = append(taken, along(from, vg.Point{X: trX(line[k].x), Y: trY(line[k].y)})...)
		}
		if s.fit != nil {
			x, _ := spread([]series{s})
			from := vg.Point{X: trX(x.low), Y: trY(s.fit(x.low))}
			taken = append(taken, along(from, vg.Point{X: trX(x.high), Y: trY(s.fit(x.high))})...)
		}
	}
	for i, s := range l.series {
		style := textStyle(10, hue[i%len(hue)])
		for _, m := range s.marks {
			if m.label == "" {
				continue
			}
			at := vg.Point{X: trX(m.x), Y: trY(m.y)}
			w, h := style.Width(m.label)*slack, style.Height(m.label)
			for _, corner := range places(at, w, h) {
				box := vg.Rectangle{Min: corner, Max: vg.Point{X: corner.X + w, Y: corner.Y + h}}
				if within(box, c.Rectangle) && !overlaps(box, taken) {
					c.FillText(style, corner, m.label)
					taken = append(taken, box)
					break
				}
			}
		}
	}
}

// places are the lower left corners to try for a label of width w and height h, the best first: to the upper right, as
// curves fall; above; below left; below; and the same farther off.
func places(at vg.Point, w, h vg.Length) []vg.Point {
	var out []vg.Point
	for _, d := range []vg.Length{4, 9} {
		out = append(out,
			vg.Point{X: at.X + d, Y: at.Y + d - 1},
			vg.Point{X: at.X - w/2, Y: at.Y + d + 2},
			vg.Point{X: at.X - w - d, Y: at.Y - h - d + 2},
			vg.Point{X: at.X - w/2, Y: at.Y - h - d - 1},
			vg.Point{X: at.X + d + 2, Y: at.Y - h/2},
			vg.Point{X: at.X - w - d - 2, Y: at.Y - h/2})
	}
	return out
}

// along covers a line with small boxes.
func along(a, b vg.Point) []vg.Rectangle {
	n := int(math.Hypot(float64(b.X-a.X), float64(b.Y-a.Y))/2) + 1
	out := make([]vg.Rectangle, n)
	for i := range out {
		t := vg.Length(float64(i) / float64(n))
		out[i] = around(vg.Point{X: a.X + t*(b.X-a.X), Y: a.Y + t*(b.Y-a.Y)}, 1)
	}
	return out
}

func textStyle(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: face(size), YAlign: draw.YBottom, Handler: plot.DefaultTextHandler}
}

// fill paints a rectangle.
func fill(c draw.Canvas, colour color.Color, left, right, low, high vg.Length) {
	c.FillPolygon(colour, []vg.Point{{X: left, Y: low}, {X: right, Y: low}, {X: right, Y: high}, {X: left, Y: high}})
}

func around(p vg.Point, r vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: p.X - r, Y: p.Y - r}, Max: vg.Point{X: p.X + r, Y: p.Y + r}}
}

func within(a, b vg.Rectangle) bool {
	return a.Min.X >= b.Min.X && a.Max.X <= b.Max.X && a.Min.Y >= b.Min.Y && a.Max.Y <= b.Max.Y
}

func overlaps(a vg.Rectangle, others []vg.Rectangle) bool {
	for _, b := range others {
		if a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y {
			return true
		}
	}
	return false
}

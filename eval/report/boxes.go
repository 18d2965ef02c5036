package report

import (
	"math"
	"regexp"
	"slices"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// box is a rectangle of a drawing.
type box struct{ left, top, right, bottom float64 }

func around(p point, r float64) box { return box{p.x - r, p.y - r, p.x + r, p.y + r} }

func (b box) within(o box) bool {
	return b.left >= o.left && b.top >= o.top && b.right <= o.right && b.bottom <= o.bottom
}

func (b box) meets(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

func (b box) free(taken []box) bool { return !slices.ContainsFunc(taken, b.meets) }

// nearest is the point of the box next to another point.
func (b box) nearest(p point) point {
	return point{min(max(p.x, b.left), b.right), min(max(p.y, b.top), b.bottom)}
}

// along covers a line with small boxes.
func along(a, b point) []box {
	n := int(math.Hypot(b.x-a.x, b.y-a.y)/2) + 1
	out := make([]box, n)
	for i := range out {
		t := float64(i) / float64(n)
		out[i] = around(point{a.x + t*(b.x-a.x), a.y + t*(b.y-a.y)}, 1)
	}
	return out
}

// alongAll covers the line through all points.
func alongAll(points []point) (out []box) {
	for i := 1; i < len(points); i++ {
		out = append(out, along(points[i-1], points[i])...)
	}
	return out
}

// room finds places for labels beside their marks.
type room struct {
	area  box
	taken []box // by marks, labels and leader lines
	lines []box // curves, which a leader line may cross where it must
}

// label is a name with its place, and the line that leads to it from a mark far away.
type label struct {
	box
	lead     bool
	from, to point
}

// directions are tried in this order: to the upper right first, where curves that fall leave room.
var directions = []float64{45, 90, 20, 70, 225, 270, 0, 250, 135, 200, 180, 110, 315, 160, 290, 340,
	30, 60, 240, 210, 10, 80, 260, 190, 120, 150, 300, 330}

// place finds a place for a text w wide and h high beside a mark of radius r, first close by, then farther off with a
// leader line, at most reach away.
func (s *room) place(at point, w, h, r, reach float64) (label, bool) {
	for _, strict := range []bool{true, false} {
		for _, d := range []float64{2, 6, 13, 22, 34, 48, 66, 90, 120, 160, 200} {
			if d > reach {
				break
			}
			for _, angle := range directions {
				sin, cos := math.Sincos(angle * math.Pi / 180)
				x, y := at.x+cos*(r+d+w/2), at.y-sin*(r+d+h/2)
				l := label{box: box{x - w/2, y - h/2, x + w/2, y + h/2}, lead: d > 6}
				if !l.within(s.area) || !l.free(s.taken) || !l.free(s.lines) {
					continue
				}
				if l.lead && !s.leads(&l, at, r, strict) {
					continue
				}
				s.taken = append(s.taken, l.box)
				return l, true
			}
		}
	}
	return label{}, false
}

// leads draws the leader line, unless something is in its way.
func (s *room) leads(l *label, at point, r float64, strict bool) bool {
	l.to = l.nearest(at)
	t := (r + 1) / math.Hypot(l.to.x-at.x, l.to.y-at.y)
	l.from = point{at.x + t*(l.to.x-at.x), at.y + t*(l.to.y-at.y)}
	way := along(l.from, l.to)
	own := around(at, r)
	for _, b := range way {
		if b.meets(own) {
			continue
		}
		if !b.free(s.taken) || strict && !b.free(s.lines) {
			return false
		}
	}
	s.taken = append(s.taken, way...)
	return true
}

// sans is as wide as Arial.
var sans = font.Font{Typeface: "Liberation", Variant: "Sans", Size: fontSize}

var beyondASCII = regexp.MustCompile(`[^ -~]`)

// textWidth is the width of a text; characters beyond ASCII count as the widest of common ones. Fonts other than those
// measured may be a little wider.
func textWidth(s string, size float64) float64 {
	const slack = 1.06
	face := font.DefaultCache.Lookup(sans, vg.Length(size))
	return slack * float64(face.Width(beyondASCII.ReplaceAllString(s, "@")))
}

// Package locate says where to measure next so that a threshold comes to lie in a narrow bracket: the fewest bits per
// weight with which a model still meets a condition. It is pure: it sees numbers, and the files are made elsewhere.
//
// The condition is met where an excess is at most zero: the divergence above its budget, the loss above a rival's. The
// search bisects, with two helps: it tries the places where a prediction has the excess vanish (regula falsi; Dowell
// and Jarratt 1971 on why one clips it), and it stops where noise hides any finer place.
package locate

import (
	"cmp"
	"math"
	"slices"
)

// Point is one measured file.
type Point struct {
	BPW       float64
	Excess    float64 // at most 0: it meets the condition
	Low, High float64 // the interval of Excess
	Fixed     bool    // not one of the files that the search makes: that it misses says nothing of those
}

// Search is for one threshold. Reach is required.
type Search struct {
	Width       float64 // bits per weight that a bracket need not fall below; 0: DefaultWidth
	Least, Most float64 // the smallest and the largest file that can be made
	// Reach is the size of the file that is made for a size asked, at most as large.
	Reach func(bpw float64) float64
	// Predict is the excess to be expected, falling; nil: halve the bracket.
	Predict func(bpw float64) float64
	// Sure asks for files on both sides whose intervals leave no doubt, for a threshold that is told by tests.
	Sure bool
}

// DefaultWidth is how narrow a bracket becomes unless told otherwise.
const DefaultWidth = 0.05

// Bracket is where the threshold lies by the points.
type Bracket struct {
	Misses, Meets *Point  // the largest made file below Meets that misses; the smallest file that meets; nil: none
	Noise         float64 // the width, in bits per weight, that their intervals amount to
}

// Width is the distance of the ends, infinite when one is missing.
func (b Bracket) Width() float64 {
	if b.Misses == nil || b.Meets == nil {
		return math.Inf(1)
	}
	return b.Meets.BPW - b.Misses.BPW
}

// Of is the bracket of the points.
func Of(points []Point) (b Bracket) {
	for i := range points {
		if p := &points[i]; p.Excess <= 0 && (b.Meets == nil || p.BPW < b.Meets.BPW) {
			b.Meets = p
		}
	}
	for i := range points {
		p := &points[i]
		if p.Excess > 0 && !p.Fixed && (b.Meets == nil || p.BPW < b.Meets.BPW) &&
			(b.Misses == nil || p.BPW > b.Misses.BPW) {
			b.Misses = p
		}
	}
	if width := b.Width(); !math.IsInf(width, 0) {
		slope := (b.Misses.Excess - b.Meets.Excess) / width
		b.Noise = ((b.Misses.High - b.Misses.Low) + (b.Meets.High - b.Meets.Low)) / 2 / slope
	}
	return b
}

func (s *Search) width() float64 { return cmp.Or(s.Width, DefaultWidth) }

// Next returns the sizes to try together, largest first; none when the threshold lies in a bracket narrow enough, when
// it lies outside what can be made, and when no file lies between the ends of the bracket.
func (s *Search) Next(points []Point) []float64 {
	b := Of(points)
	switch {
	case b.Misses != nil && b.Meets != nil:
		if b.Width() > max(s.width(), b.Noise) {
			return s.between(points, b)
		}
	case b.Meets != nil:
		x := min(s.place(0, s.Least, b.Meets.BPW), b.Meets.BPW-s.width())
		if x < s.Least+s.width() {
			x = s.Least
		}
		return s.fresh(points, 0, b.Meets.BPW, x)
	case b.Misses != nil:
		x := max(s.place(0, b.Misses.BPW, s.Most), b.Misses.BPW+s.width())
		if out := s.fresh(points, b.Misses.BPW, math.Inf(1), x); out != nil {
			return out
		}
		return s.fresh(points, b.Misses.BPW, math.Inf(1), (b.Misses.BPW+s.Most)/2, s.Most)
	default:
		return s.fresh(points, 0, math.Inf(1), s.place(0, s.Least, s.Most))
	}
	if s.Sure {
		return s.sure(points, b)
	}
	return nil
}

// between tries both sides of the place expected, nearly the width wanted apart. No end is approached by less than an
// eighth, so that the bracket shrinks even when the prediction is wrong.
func (s *Search) between(points []Point, b Bracket) []float64 {
	low, high := b.Misses.BPW, b.Meets.BPW
	reach := 0.45 * max(s.width(), b.Noise)
	margin := min(b.Width()/8, reach)
	x := min(max(s.place(0, low, high), low+margin), high-margin)
	asked := []float64{x + reach, x - reach}
	if b.Width() < 4*reach {
		asked = []float64{x} // one file is enough
	}
	if out := s.fresh(points, low, high, asked...); out != nil {
		return out
	}
	for _, part := range []float64{1. / 2, 3. / 4, 1. / 4, 7. / 8, 1. / 8, 1 - 1e-9} {
		if out := s.fresh(points, low, high, low+part*(high-low)); out != nil {
			return out
		}
	}
	return nil
}

// sure asks for a file that surely misses, and for one that surely meets, where the nearest are farther from the
// bracket than its noise: a bit beyond the place where the interval is expected to end at zero.
func (s *Search) sure(points []Point, b Bracket) []float64 {
	misses, meets := s.Least, s.Most
	for _, p := range points {
		if p.Low > 0 && !p.Fixed && p.BPW <= b.Misses.BPW {
			misses = max(misses, p.BPW)
		}
		if p.High < 0 && p.BPW >= b.Meets.BPW {
			meets = min(meets, p.BPW)
		}
	}
	apart := max(s.width(), b.Noise)
	var out []float64
	try := func(p *Point, sign float64) {
		low, high := p.BPW, meets
		if sign < 0 {
			low, high = misses, p.BPW
		}
		x := s.place(-sign*1.25*(p.High-p.Low)/2, low, high)
		for x > misses && x < meets && s.near(points, x) {
			x += sign * s.width() / 2
		}
		out = append(out, s.fresh(points, misses, meets, x)...)
	}
	if meets-b.Meets.BPW > apart {
		try(b.Meets, 1)
	}
	if b.Misses.BPW-misses > apart {
		try(b.Misses, -1)
	}
	return out
}

// near reports whether a file of about this size has been made.
func (s *Search) near(points []Point, x float64) bool {
	return slices.ContainsFunc(points, func(p Point) bool { return !p.Fixed && math.Abs(p.BPW-x) < s.width()/2 })
}

// place is where the excess is expected to fall to a level, within low and high.
func (s *Search) place(level, low, high float64) float64 {
	if s.Predict == nil {
		return (low + high) / 2
	}
	for range 50 {
		if middle := (low + high) / 2; s.Predict(middle) > level {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// fresh are the sizes of the files for the sizes asked, those between low and high that have not been measured.
func (s *Search) fresh(points []Point, low, high float64, asked ...float64) []float64 {
	var out []float64
	for _, x := range asked {
		got := s.Reach(min(max(x, s.Least), s.Most))
		known := func(p Point) bool { return !p.Fixed && same(p.BPW, got) }
		if got > low && got < high && !same(got, low) && !same(got, high) && !slices.ContainsFunc(points, known) &&
			!slices.ContainsFunc(out, func(x float64) bool { return same(x, got) }) {
			out = append(out, got)
		}
	}
	return out
}

// same reports whether two sizes are of one file, as far as rounding tells.
func same(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

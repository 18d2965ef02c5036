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
	// Predict is the excess to be expected of a made file, falling; nil: halve the bracket.
	Predict func(bpw float64) float64
	// Sure asks for files on both sides whose intervals leave no doubt, for a threshold that is told by tests.
	Sure bool
}

// DefaultWidth is how narrow a bracket becomes unless told otherwise.
const DefaultWidth = 0.05

// spread is how far on both sides of the place expected one looks first. Two files at once cost less than one after the
// other, as they share the reference's run, and a divergence expected within 15 % is off by no more.
const spread = 0.1

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
		b.noise((b.Misses.Excess - b.Meets.Excess) / width)
	}
	return b
}

// noise sets Noise from the slope of the excess.
func (b *Bracket) noise(slope float64) {
	b.Noise = ((b.Misses.High - b.Misses.Low) + (b.Meets.High - b.Meets.Low)) / 2 / slope
}

// bracket is Of, with the noise by the slope of the prediction: that between two near files is mostly noise itself.
func (s *Search) bracket(points []Point) Bracket {
	b := Of(points)
	if s.Predict != nil && b.Misses != nil && b.Meets != nil {
		low, high := max(b.Misses.BPW-2*spread, s.Least), min(b.Meets.BPW+2*spread, s.Most)
		if slope := (s.Predict(low) - s.Predict(high)) / (high - low); slope > 0 {
			b.noise(slope)
		}
	}
	return b
}

func (s *Search) width() float64 { return cmp.Or(s.Width, DefaultWidth) }

// Next returns the sizes to try together, largest first; none when the threshold lies in a bracket narrow enough, when
// it lies outside what can be made, and when no file lies between the ends of the bracket.
func (s *Search) Next(points []Point) []float64 {
	b := s.bracket(points)
	switch {
	case b.Misses != nil && b.Meets != nil:
		if b.Width() > max(s.width(), b.Noise) {
			return s.between(points, b)
		}
	case b.Meets != nil:
		return s.outside(points, 0, b.Meets.BPW)
	case b.Misses != nil:
		return s.outside(points, b.Misses.BPW, math.Inf(1))
	default:
		return s.outside(points, 0, math.Inf(1))
	}
	if s.Sure {
		return s.sure(points, b)
	}
	return nil
}

// outside looks for the other side of a bracket that is open: below high, which meets, or above low, which misses.
func (s *Search) outside(points []Point, low, high float64) []float64 {
	from, to := max(s.Least, low+s.width()), min(s.Most, high-s.width())
	x, reach := s.place(0, min(from, to), max(from, to)), 0.45*s.width()
	if s.Predict == nil || !slices.ContainsFunc(points, func(p Point) bool { return !p.Fixed }) {
		reach = spread
	}
	asked := []float64{x + reach, x - reach}
	switch {
	case low == 0 && x < s.Least+s.width():
		asked = []float64{s.Least}
	case math.IsInf(high, 1) && x > s.Most-s.width():
		asked = []float64{s.Most}
	}
	if out := s.fresh(points, low, high, asked...); out != nil {
		return out
	}
	if math.IsInf(high, 1) { // what is made for x is no larger than low
		return s.fresh(points, low, high, (max(low, s.Least)+s.Most)/2, s.Most)
	}
	return s.fresh(points, low, high, s.Least)
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
// bracket than its noise: a bit beyond the place where the interval is expected to end at zero. They count from the
// outer ends on, without a break, as tests in a fixed order do.
func (s *Search) sure(points []Point, b Bracket) []float64 {
	made := slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return p.Fixed })
	slices.SortFunc(made, func(a, b Point) int { return cmp.Compare(a.BPW, b.BPW) })
	misses, below := math.Inf(-1), b.Misses.BPW // below it a file is wanted
	for _, p := range made {
		if p.Low <= 0 {
			below = min(below, p.BPW)
			break
		}
		misses = p.BPW
	}
	meets, above := math.Inf(1), b.Meets.BPW
	for _, p := range slices.Backward(made) {
		if p.High >= 0 {
			above = max(above, p.BPW)
			break
		}
		meets = p.BPW
	}
	for _, p := range points {
		if p.Fixed && p.High < 0 && p.BPW >= above {
			meets = min(meets, p.BPW)
		}
	}
	apart := 1.5 * max(s.width(), b.Noise)
	var out []float64
	if half := (b.Meets.High - b.Meets.Low) / 2; meets-above > apart && above < s.Most {
		x := max(s.place(-1.5*half, above, min(meets, s.Most)), above+s.width()/2)
		out = append(out, s.fresh(points, above, meets, x)...)
	}
	if half := (b.Misses.High - b.Misses.Low) / 2; below-misses > apart && below > s.Least {
		x := min(s.place(1.5*half, max(misses, s.Least), below), below-s.width()/2)
		out = append(out, s.fresh(points, misses, below, x)...)
	}
	return out
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

package threshold

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"bitmill/eval/paired"
)

// segments fits two lines with a joint, y = a + b·x + c·h(x) with h(x) = max(0, x-joint), by least squares, to any y at
// the same places. A joint's part of the work that does not depend on y is done once: with r(·) what one line leaves
// (Frisch and Waugh 1933),
//
//	c = r(h)·r(y) / |r(h)|²     b = slope(y) - c·slope(h)
type segments struct {
	x      []float64 // ascending
	joints []joint
	rest   []float64 // r(y) of the present fit
}

type joint struct {
	at    float64
	slope float64   // of h
	bend  []float64 // r(h)
}

// jointSteps are the steps in which the joint is tried between the second place and the last but one, so that each line
// has two places at least.
const jointSteps = 200

func newSegments(x []float64) *segments {
	s := &segments{x: x, rest: make([]float64, len(x))}
	from, to := x[1], x[len(x)-2]
	for i := range jointSteps + 1 {
		at := from + (to-from)*float64(i)/jointSteps
		// Both sides of the joint must hold different places.
		left := sort.Search(len(x), func(i int) bool { return x[i] > at })
		if left < 2 || len(x)-left < 1 || x[0] == x[left-1] {
			continue
		}
		h := make([]float64, len(x))
		for k := range h {
			h[k] = max(0, x[k]-at)
		}
		j := joint{at: at, bend: make([]float64, len(x))}
		j.slope = s.line(j.bend, h)
		s.joints = append(s.joints, j)
	}
	return s
}

// line sets rest to what a line through y leaves, and returns its slope.
func (s *segments) line(rest, y []float64) (slope float64) {
	alpha, slope := stat.LinearRegression(s.x, y, nil, false)
	for i, x := range s.x {
		rest[i] = y[i] - alpha - float64(slope*x)
	}
	return slope
}

// fit tries all joints.
func (s *segments) fit(y []float64) Knee {
	slope := s.line(s.rest, y)
	single, least := floats.Dot(s.rest, s.rest), math.Inf(1)
	best := Knee{Below: paired.Round(slope), Above: paired.Round(slope)}
	for _, j := range s.joints {
		size := floats.Dot(j.bend, j.bend)
		if size == 0 {
			continue
		}
		c, left := floats.Dot(j.bend, s.rest)/size, 0.0
		for i, r := range s.rest {
			r -= float64(c * j.bend[i])
			left += float64(r * r)
		}
		if left < least {
			least = left
			below := slope - float64(c*j.slope)
			best = Knee{BPW: paired.Round(j.at), Below: paired.Round(below), Above: paired.Round(below + c)}
		}
	}
	if single > 0 && !math.IsInf(least, 1) {
		best.Explained = paired.Round(max(0, 1-least/single))
	}
	return best
}

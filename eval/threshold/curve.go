package threshold

import (
	"math"
	"sort"

	"bitmill/eval/paired"
)

// curve holds the places of the points on the BPW axis; points at one place are averaged.
type curve struct {
	points []Point
	x      []float64 // distinct BPW, ascending
	place  []int     // of each point, in x
	y      []float64 // scratch: the fit of log KLD
}

func newCurve(points []Point) *curve {
	c := &curve{points: points, place: make([]int, len(points))}
	for i, p := range points {
		if x := p.BPW(); len(c.x) == 0 || x != c.x[len(c.x)-1] {
			c.x = append(c.x, x)
		}
		c.place[i] = len(c.x) - 1
	}
	c.y = make([]float64, len(c.x))
	return c
}

// fit leaves in c.y the non-increasing fit of log KLD at every place.
func (c *curve) fit(klds []float64) {
	count := make([]float64, len(c.x))
	clear(c.y)
	for i, k := range klds {
		c.y[c.place[i]] += math.Log(max(k, kldFloor))
		count[c.place[i]]++
	}
	for j := range c.y {
		c.y[j] /= count[j]
	}
	nonIncreasing(c.y)
}

func (c *curve) cross(klds []float64, budget float64) (float64, side) {
	c.fit(klds)
	return cross(c.x, c.y, math.Log(budget))
}

// bound is the crossing, infinite where it lies outside the formats tried.
func (c *curve) bound(klds []float64, budget float64) float64 {
	switch x, at := c.cross(klds, budget); at {
	case belowFirst:
		return math.Inf(-1)
	case aboveLast:
		return math.Inf(1)
	default:
		return x
	}
}

// resample is the bootstrap interval of the crossing: each resample draws one set of windows for all formats.
func (c *curve) resample(points []Point, o Options) (low, high float64) {
	b := paired.NewBootstrap(len(points[0].WindowKLD), o.Options, windowSeries(points)...)
	crossings := make([]float64, o.Resamples)
	klds := make([]float64, len(points))
	for r := range crossings {
		b.Next()
		for i, p := range points {
			klds[i] = b.Mean(p.WindowKLD)
		}
		crossings[r] = c.bound(klds, o.Budget)
	}
	return paired.Interval(crossings, o.Level)
}

// windowSeries are the divergences by window of every point.
func windowSeries(points []Point) [][]float64 {
	out := make([][]float64, len(points))
	for i, p := range points {
		out[i] = p.WindowKLD
	}
	return out
}

// shift moves all KLDs by the same number of standard errors, down and up: the tokens that are hard are hard for every
// format, so errors that move together are the likely and the wider case. The crossing only grows with the KLDs.
func (c *curve) shift(points []Point, klds []float64, o Options) (low, high float64) {
	at := func(z float64) float64 {
		moved := make([]float64, len(klds))
		for i, p := range points {
			moved[i] = klds[i]
			if finite(p.KLDSE) {
				moved[i] += float64(z * p.KLDSE)
			}
		}
		return c.bound(moved, o.Budget)
	}
	z := paired.Quantile(o.Level)
	return at(-z), at(z)
}

// neighbours are the points next to a crossing: the last below it and the first at or above it.
func (c *curve) neighbours(bpw float64) (under, over int) {
	over = sort.Search(len(c.points), func(i int) bool { return c.points[i].BPW() >= bpw })
	over = min(max(over, 1), len(c.points)-1)
	return over - 1, over
}

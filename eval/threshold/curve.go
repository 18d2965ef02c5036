package threshold

import (
	"fmt"
	"math"
	"strings"

	"bitmill/eval/paired"
)

// curve is the lower envelope of ln KLD over BPW: the formats that no other of as few bits beats, joined by straight
// lines. It is the staircase of the Pareto frontier (the maxima of Kung, Luccio and Preparata 1975), whose steps are
// the operational rate-distortion points of Shoham and Gersho 1988. A format off it says how badly its type suits the
// model, nothing about how few bits the model tolerates.
type curve struct {
	points []Point   // ascending BPW
	front  []int     // of the present fit: the points on the envelope
	y      []float64 // ln KLD of the front, falling
}

// hopeless is the KLD, in nats, from which a format is of no use at any budget below a tenth of it: a perplexity of e
// times the source's. Types for models that were trained in them (TQ1_0, TQ2_0) come out so on others.
const hopeless = 1

// useful tells the points that diverge beyond any use from the others; where that leaves none, all are kept. The lowest
// format is always on the envelope, and without this a hopeless one would bend it.
func useful(klds []float64, budget float64) (kept, lost []int) {
	most := math.Max(hopeless, 10*budget)
	for i, k := range klds {
		if k > most {
			lost = append(lost, i)
		} else {
			kept = append(kept, i)
		}
	}
	if kept == nil {
		return lost, nil
	}
	return kept, lost
}

// Envelope are the useful points on the lower envelope, by ascending BPW, with their KLD as the fits take it.
func Envelope(points []Point, budget float64) []Point {
	used, _ := fidelityPoints(points)
	if len(used) == 0 {
		return nil
	}
	klds, _, _ := meanKLDs(used)
	for i := range used {
		used[i].KLD = klds[i]
	}
	kept, _ := useful(klds, budget)
	c := &curve{points: pick(used, kept)}
	c.fit(pick(klds, kept))
	return pick(c.points, c.front)
}

// pick are the elements of s at the indices.
func pick[T any](s []T, indices []int) []T {
	out := make([]T, len(indices))
	for k, i := range indices {
		out[k] = s[i]
	}
	return out
}

// fit finds the envelope. Of points with the same BPW the best counts.
func (c *curve) fit(klds []float64) {
	c.front, c.y = c.front[:0], c.y[:0]
	for i, k := range klds {
		y, n := math.Log(max(k, kldFloor)), len(c.front)
		if n > 0 && y >= c.y[n-1] {
			continue
		}
		if n > 0 && c.points[i].BPW() == c.points[c.front[n-1]].BPW() {
			c.front, c.y = c.front[:n-1], c.y[:n-1]
		}
		c.front, c.y = append(c.front, i), append(c.y, y)
	}
}

// cross finds where the envelope falls to the budget, straight between neighbours, and which of the front is the first
// within it: 0 when the lowest format is, the front's length when none is. Outside, bpw is the nearer end.
func (c *curve) cross(klds []float64, budget float64) (bpw float64, over int) {
	c.fit(klds)
	level := math.Log(budget)
	for over < len(c.y) && c.y[over] > level {
		over++
	}
	switch over {
	case 0:
		return c.points[c.front[0]].BPW(), over
	case len(c.y):
		return c.points[len(c.points)-1].BPW(), over
	}
	from, to := c.points[c.front[over-1]].BPW(), c.points[c.front[over]].BPW()
	t := (c.y[over-1] - level) / (c.y[over-1] - c.y[over])
	return from + float64(t*(to-from)), over
}

// bound is the crossing, infinite where it lies outside the formats tried.
func (c *curve) bound(klds []float64, budget float64) float64 {
	switch x, over := c.cross(klds, budget); over {
	case 0:
		return math.Inf(-1)
	case len(c.front):
		return math.Inf(1)
	default:
		return x
	}
}

// resample is the bootstrap interval of the crossing: each resample draws one set of windows for all formats.
func (c *curve) resample(o Options) (low, high float64) {
	b := paired.NewBootstrap(len(c.points[0].WindowKLD), o.Options, windowSeries(c.points)...)
	crossings := make([]float64, o.Resamples)
	klds := make([]float64, len(c.points))
	for r := range crossings {
		b.Next()
		for i, p := range c.points {
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
func (c *curve) shift(klds []float64, o Options) (low, high float64) {
	at := func(z float64) float64 {
		moved := make([]float64, len(klds))
		for i, p := range c.points {
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

// listed names points with their KLD after a clause; "" without points.
func listed(clause string, points []Point, klds []float64) string {
	if len(points) == 0 {
		return ""
	}
	names := make([]string, len(points))
	for i, p := range points {
		names[i] = fmt.Sprintf("%s (%.2f BPW, KLD %.3g)", p.Format, p.BPW(), klds[i])
	}
	return clause + strings.Join(names, ", ")
}

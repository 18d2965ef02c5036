package threshold

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"bitmill/eval/paired"
)

// Fidelity is the BPW at which the mean KLD of a model's artifacts crosses a budget.
type Fidelity struct {
	Budget  float64 `json:"budget"`  // nats per token
	Located bool    `json:"located"` // the crossing lies between two formats tried
	Status  string  `json:"status"`  // Located, Below, Above or NotLocated

	// BPW is the crossing, 0 (omitted) unless located. Low and High are its interval at Level; 0 (omitted) where it
	// reaches past the lowest or the highest format tried, or where no error is known.
	BPW   float64 `json:"bpw,omitzero"`
	Low   float64 `json:"low,omitzero"`
	High  float64 `json:"high,omitzero"`
	Level float64 `json:"level"`

	Bracket   [2]string `json:"bracket"`   // the formats beside the crossing, fewer bits first; "" where there is none
	Evidence  string    `json:"evidence"`  // a whole sentence
	Method    string    `json:"method"`    // how the interval was made, a whole sentence
	Seed      uint64    `json:"seed"`      // of the bootstrap
	Resamples int       `json:"resamples"` // 0 when the interval is not from a bootstrap
}

// kldFloor stands in for a KLD at or below it, which has no useful logarithm: such values come from rounding, not from
// the format.
const kldFloor = 1e-6

// FitFidelity finds where the lower envelope of ln KLD over BPW crosses the budget. Source points, points without a
// finite KLD and hopeless ones take no part. The crossing is never above a format measured within the budget, and its
// interval holds it.
func FitFidelity(points []Point, o Options) Fidelity {
	o = o.withDefaults()
	f := Fidelity{Budget: o.Budget, Status: NotLocated, Level: o.Level, Seed: o.Seed}
	used, dropped := fidelityPoints(points)
	if len(used) == 0 {
		f.Evidence = "No format has a KLD from the source" + dropped + "."
		f.Method = "None."
		return f
	}
	klds, _, _ := meanKLDs(used)
	kept, lost := useful(klds, o.Budget)
	dropped = listed("; left out, as they diverge beyond any use: ", pick(used, lost), pick(klds, lost)) + dropped
	c := &curve{points: pick(used, kept)}
	klds, byWindow, why := meanKLDs(c.points)
	low, high := f.interval(c, klds, byWindow, why, o)
	bpw, over := c.cross(klds, o.Budget)
	f.place(c, bpw, over, low, high)
	f.explain(c, klds, over, len(lost) > 0)
	f.Evidence += dropped + "."
	return f
}

// interval is that of the crossing, open (infinite) on both sides when no error is known, and says how it was made.
func (f *Fidelity) interval(c *curve, klds []float64, byWindow bool, why string, o Options) (low, high float64) {
	f.Method = "Lower envelope of ln KLD; "
	switch {
	case byWindow:
		f.Resamples = o.Resamples
		n := len(c.points[0].WindowKLD)
		f.Method += "p" + o.bootstrap(n, fmt.Sprint(o.BlockLength(n, windowSeries(c.points)...)))
		return c.resample(o)
	case slices.ContainsFunc(c.points, func(p Point) bool { return finite(p.KLDSE) && p.KLDSE > 0 }):
		f.Method += "normal interval from the standard errors, taken as fully correlated between formats, because " +
			why + "."
		return c.shift(klds, o)
	}
	f.Method += "no interval, because " + why + " and no standard error is known."
	return math.Inf(-1), math.Inf(1)
}

// fidelityPoints selects the points to fit, by ascending BPW, on the windows that all of them have, and names those left out in a clause.
func fidelityPoints(points []Point) (used []Point, dropped string) {
	var names []string
	for _, p := range points {
		switch {
		case p.Source:
		case finite(p.KLD) && p.Weights > 0 && p.Bits > 0:
			used = append(used, p)
		default:
			names = append(names, p.Format)
		}
	}
	slices.SortStableFunc(used, func(a, b Point) int { return cmp.Compare(a.BPW(), b.BPW()) })
	if len(names) > 0 {
		dropped = "; left out for want of a finite KLD: " + strings.Join(names, ", ")
	}
	return aligned(used), dropped
}

// windows reports whether every point has the same number of windows, enough of them, all finite; if not, why.
func windows(points []Point, series func(Point) []float64) (ok bool, why string) {
	n := len(series(points[0]))
	for _, p := range points {
		switch s := series(p); {
		case len(s) == 0:
			return false, "no values per chunk were kept"
		case len(s) != n:
			return false, fmt.Sprintf("%s has %d chunks and %s %d", points[0].Format, n, p.Format, len(s))
		case slices.ContainsFunc(s, func(x float64) bool { return !finite(x) }):
			return false, fmt.Sprintf("%s has a chunk without a finite value", p.Format)
		}
	}
	if n < paired.Least {
		return false, fmt.Sprintf("%d chunks are too few for a bootstrap", n)
	}
	return true, ""
}

// meanKLDs are the means over windows where every point has them, the points' own means otherwise; why says what is
// missing.
func meanKLDs(points []Point) (klds []float64, byWindow bool, why string) {
	byWindow, why = windows(points, func(p Point) []float64 { return p.WindowKLD })
	for _, p := range points {
		if byWindow {
			p.KLD = stat.Mean(p.WindowKLD, nil)
		}
		klds = append(klds, p.KLD)
	}
	return klds, byWindow, why
}

// place fills in status, crossing and interval.
func (f *Fidelity) place(c *curve, bpw float64, over int, low, high float64) {
	switch over {
	case 0:
		f.Status = Below
		low, high = math.Inf(-1), math.Max(high, bpw)
	case len(c.front):
		f.Status = Above
		low, high = math.Min(low, bpw), math.Inf(1)
	default:
		f.Status, f.Located, f.BPW = Located, true, paired.Round(bpw)
		low, high = math.Min(low, bpw), math.Max(high, bpw)
		if c.y[over] <= math.Log(kldFloor) { // the line between has no slope that was measured
			low = math.Min(low, c.points[c.front[over-1]].BPW())
			high = math.Max(high, c.points[c.front[over]].BPW())
		}
	}
	if !math.IsInf(low, 0) {
		f.Low = paired.Round(low)
	}
	if !math.IsInf(high, 0) {
		f.High = paired.Round(high)
	}
}

// explain names the bracketing formats and words the evidence; hopeless formats were tried that are not in c.
func (f *Fidelity) explain(c *curve, klds []float64, over int, hopeless bool) {
	name := func(i int) string { return listed("", c.points[i:i+1], klds[i:i+1]) }
	switch f.Status {
	case Below:
		f.Bracket = [2]string{"", c.points[c.front[0]].Format}
		lowest := "the lowest format tried"
		if hopeless {
			lowest = "the lowest useful format tried"
		}
		f.Evidence = fmt.Sprintf("Even %s, %s, stays within %g nats", name(c.front[0]), lowest, f.Budget)
	case Above:
		best := c.front[over-1]
		f.Bracket = [2]string{c.points[best].Format, ""}
		f.Evidence = fmt.Sprintf("Even %s, the best format tried, does not reach %g nats", name(best), f.Budget)
	case Located:
		outside, within := c.front[over-1], c.front[over]
		f.Bracket = [2]string{c.points[outside].Format, c.points[within].Format}
		f.Evidence = fmt.Sprintf("KLD falls through %g nats between %s and %s; "+
			"the interval speaks of the text, not of formats between them", f.Budget, name(outside), name(within))
		if klds[within] <= kldFloor {
			f.Evidence += fmt.Sprintf("; as %s is lossless, it does not say where between them", f.Bracket[1])
		}
	}
	if f.Status != Above {
		var beyond []int
		for i, p := range c.points {
			if klds[i] > f.Budget && p.BPW() > f.BPW {
				beyond = append(beyond, i)
			}
		}
		f.Evidence += listed("; more bits do not help ", pick(c.points, beyond), pick(klds, beyond))
	}
}

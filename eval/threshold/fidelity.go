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

// FitFidelity fits log KLD as a non-increasing function of BPW (isotonic regression, straight lines between neighbours)
// and finds where it crosses the budget. Source points and points without a finite KLD take no part.
func FitFidelity(points []Point, o Options) Fidelity {
	o = o.withDefaults()
	f := Fidelity{Budget: o.Budget, Status: NotLocated, Level: o.Level, Seed: o.Seed}
	used, dropped := fidelityPoints(points)
	if len(used) == 0 {
		f.Evidence = "No format has a KLD from the source" + dropped + "."
		f.Method = "None."
		return f
	}
	c := newCurve(used)
	klds, byWindow, why := meanKLDs(used)
	bpw, at := c.cross(klds, o.Budget)
	low, high := math.Inf(-1), math.Inf(1)
	switch {
	case byWindow:
		low, high = c.resample(used, o)
		f.Resamples = o.Resamples
		n := len(used[0].WindowKLD)
		f.Method = fmt.Sprintf("Isotonic fit of log KLD; "+
			"paired bootstrap over %d chunks in blocks of %d, %d resamples, seed %d.",
			n, o.BlockLength(n, windowSeries(points)...), o.Resamples, o.Seed)
	case slices.ContainsFunc(used, func(p Point) bool { return finite(p.KLDSE) && p.KLDSE > 0 }):
		low, high = c.shift(used, klds, o)
		f.Method = "Isotonic fit of log KLD; normal interval from the standard errors, " +
			"taken as fully correlated between formats, because " + why + "."
	default:
		f.Method = "Isotonic fit of log KLD; no interval, because " + why + " and no standard error is known."
	}
	f.place(c, paired.Round(bpw), at, paired.Round(low), paired.Round(high))
	f.explain(c, klds, dropped)
	return f
}

// fidelityPoints selects the points to fit, by ascending BPW, and names those left out in a clause.
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
	return used, dropped
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
func (f *Fidelity) place(c *curve, bpw float64, at side, low, high float64) {
	first, last := c.x[0], c.x[len(c.x)-1]
	if !math.IsInf(low, 0) {
		f.Low = low
	}
	if !math.IsInf(high, 0) {
		f.High = high
	}
	switch at {
	case belowFirst:
		f.Status, f.Low = Below, 0
		f.High = max(f.High, first)
	case aboveLast:
		f.Status, f.High = Above, 0
		if f.Low == 0 {
			f.Low = last
		}
	default:
		f.Status, f.Located, f.BPW = Located, true, bpw
	}
}

// explain names the bracketing formats and words the evidence.
func (f *Fidelity) explain(c *curve, klds []float64, dropped string) {
	lowest, highest := 0, len(c.points)-1
	name := func(i int) string {
		return fmt.Sprintf("%s (%.2f BPW, KLD %.3g)", c.points[i].Format, c.points[i].BPW(), klds[i])
	}
	switch f.Status {
	case Below:
		f.Bracket = [2]string{"", c.points[lowest].Format}
		f.Evidence = fmt.Sprintf("Even %s, the lowest format tried, stays within %g nats", name(lowest), f.Budget)
	case Above:
		f.Bracket = [2]string{c.points[highest].Format, ""}
		f.Evidence = fmt.Sprintf("Even %s, the highest format tried, does not reach %g nats", name(highest), f.Budget)
	case Located:
		under, over := c.neighbours(f.BPW)
		f.Bracket = [2]string{c.points[under].Format, c.points[over].Format}
		f.Evidence = fmt.Sprintf("KLD falls through %g nats between %s and %s; "+
			"the interval speaks of the text, not of formats between them", f.Budget, name(under), name(over))
	}
	f.Evidence += dropped + "."
}

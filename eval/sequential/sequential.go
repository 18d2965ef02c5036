// Package sequential says how well the mean of a series is known while the series still grows: its intervals and
// p-values hold although one looks after every item and stops when satisfied (confidence sequences, Darling and Robbins
// 1967; Howard, Ramdas, McAuliffe and Sekhon 2021). It is pure statistics over series.
//
// The items are windows of a text, drawn without replacement, in the order of Order. With a population the mean
// in question is that of all its items, and the interval shrinks to nothing as they are used up. Without one it is the
// mean of a source of which the items are a sample.
package sequential

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Options of intervals and p-values. The zero value is useful.
type Options struct {
	Level      float64 // confidence; 0 is 0.95
	Population int     // items that there are in all, of which the series holds some; 0: no end of them
	Least      float64 // standard deviation that the items have at least, whatever the series shows
}

// Least is the smallest number of items to look at.
const Least = 8

// few is by how many items what is left of a population counts as more: the largest of a skewed series may be among the
// last ones. Without it, of 107 windows of a model of 30 layers, the interval missed in 7 % of the orders; with it in
// 3.6 %.
const few = 8

// scales are the numbers of items at which the parts of the mixture are at their best, about, with their weights: one
// item makes large differences certain early, eight suit small ones.
var scales = [...]struct{ items, weight float64 }{{1, 0.3}, {8, 0.7}}

func (o Options) alpha() float64 {
	if o.Level > 0 && o.Level < 1 {
		return 1 - o.Level
	}
	return 0.05
}

// Sample is what intervals and p-values need of a series.
type Sample struct {
	N        int
	Mean, SD float64 // SD with n-1
	Skew     float64 // third moment around the mean, in units of SD
}

// Of is the sample of a series.
func Of(series []float64) Sample {
	s := Sample{N: len(series), Mean: stat.Mean(series, nil)}
	if s.N > 1 {
		s.SD = stat.StdDev(series, nil)
	}
	if s.N > 2 && s.SD > 0 {
		s.Skew = stat.Skew(series, nil)
	}
	return s
}

// worth is the number of independent items of an endless population that would know the mean as well: n items of N have
// a mean with variance s²/n·(N-n)/(N-1) around that of all (the bridge of a random walk that ends where it must), and
// what is left counts as few more.
func (o Options) worth(n int) float64 {
	if o.Population == 0 {
		return float64(n)
	}
	if n >= o.Population {
		return math.Inf(1)
	}
	return float64(n) * float64(o.Population-1) / float64(o.Population-n+few)
}

// Reach is the half width of the interval of the mean: infinite where so few items know nothing, 0 when all are there.
func (s Sample) Reach(o Options) float64 {
	w := o.worth(s.N)
	if math.IsInf(w, 1) {
		return 0
	}
	const most = 1e3
	enough := func(t float64) bool { return s.evidence(w, t) > -math.Log(o.alpha()) }
	if s.N < 2 || !enough(most) {
		return math.Inf(1)
	}
	low, high := 0.0, most
	for range 40 { // to 1e-9
		if t := (low + high) / 2; enough(t) {
			high = t
		} else {
			low = t
		}
	}
	return high * math.Max(s.SD, o.Least) / math.Sqrt(w)
}

// evidence is the logarithm of the evidence of items that are worth w against a mean that is t standard errors, SD/√w,
// from theirs: the t test that does not depend on the scale, with a normal mixture over the true mean in units of the
// standard deviation (Lai 1976; Wang and Ramdas, arXiv 2310.03722). A part of the mixture with scale c, r = c/(w+c), is
// √r·((1 + t²/(n-1))/(1 + r·t²/(n-1)))^(n/2). A mean is outside of the interval while the evidence exceeds 1/α.
func (s Sample) evidence(w, t float64) float64 {
	square := t * t / float64(s.N-1)
	whole, log := math.Log1p(square), math.Inf(-1)
	for _, c := range scales {
		r := c.items / (w + c.items)
		part := math.Log(c.weight*math.Sqrt(r)) + float64(s.N)/2*(whole-math.Log1p(r*square))
		large, small := math.Max(log, part), math.Min(log, part)
		log = large + math.Log1p(math.Exp(small-large))
	}
	return log
}

// Interval of a mean that is positive by nature, as a divergence is. It is symmetric in the logarithm, which suits the
// skew of such series, where the mean is known well enough for that; a larger skew moves the upper end further.
func (s Sample) Interval(o Options) (low, high float64) {
	reach := s.Reach(o)
	low, high = s.Mean-reach, s.Mean+reach
	if relative := reach / s.Mean; s.Mean > 0 && relative < 1 {
		low, high = s.Mean*math.Exp(-relative), s.Mean*math.Exp(relative)
	}
	if bend := s.bend(1, o); bend > 0 && !math.IsInf(reach, 1) {
		high = math.Max(high, s.Mean+reach+bend*reach*reach)
	}
	return low, high
}

// bend is by how much an end of the interval, the upper one for a side of 1, the lower one for -1, lies farther from
// the mean than the reach, in units of its square: by skew/(3·SD) on the side of the tail, as a sample that lacks some of
// the tail has a mean and a standard deviation that are both too small (Johnson 1978, whose amount is skew·SD·t²/(3n)).
// The tail of an endless source is longer than that of a sample, and counts twice: of six books, the interval missed in
// up to 5.5 % of the runs without that, in 4.1 % with it.
func (s Sample) bend(side float64, o Options) float64 {
	if s.SD == 0 {
		return 0
	}
	bend := math.Max(0, side*s.Skew/(3*s.SD))
	if o.Population == 0 {
		bend *= 2
	}
	return bend
}

// distance is the reach with which an end of the interval is at zero.
func (s Sample) distance(o Options) float64 {
	x := math.Abs(s.Mean)
	if bend := s.bend(-math.Copysign(1, s.Mean), o); bend*x > 1e-9 {
		return (math.Sqrt(1+4*bend*x) - 1) / (2 * bend)
	}
	return x
}

// Chance is the p-value of a mean as far from zero as this at any look, were it zero. It is 1 for a series of zeros.
func (s Sample) Chance(o Options) float64 {
	w, sd := o.worth(s.N), math.Max(s.SD, o.Least)
	switch {
	case s.Mean == 0 || s.N < 2 && !math.IsInf(w, 1):
		return 1
	case sd == 0 || math.IsInf(w, 1):
		return 0
	}
	return math.Min(1, math.Exp(-s.evidence(w, math.Sqrt(w)*s.distance(o)/sd)))
}

// Wrong is the chance that a sign other than that of the mean is the true one, for whoever takes the first sign with so
// small a chance: half of Chance, as a mean of zero leaves on either side alike.
func (s Sample) Wrong(o Options) float64 {
	if p := s.Chance(o); p < 1 {
		return p / 2
	}
	return 1
}

// Until is about how many items it takes until enough holds, if the mean and the standard deviation stay as they are:
// the population, or a thousand times the sample, where it never does.
func (s Sample) Until(o Options, enough func(Sample) bool) int {
	most := 1000 * max(s.N, Least)
	if o.Population > 0 {
		most = o.Population
	}
	low, high := s.N, most
	for low < high {
		middle := (low + high) / 2
		if s.N = middle; enough(s) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return high
}

// Widening is the factor by which an interval for a series of fixed length n, with the quantile of Student's t, must
// grow to hold at any look.
func Widening(n int, level float64) float64 {
	o := Options{Level: level}
	student := distuv.StudentsT{Sigma: 1, Nu: float64(max(n, 2) - 1)}
	return Sample{N: max(n, 2), SD: 1}.Reach(o) * math.Sqrt(float64(max(n, 2))) / student.Quantile(1-o.alpha()/2)
}

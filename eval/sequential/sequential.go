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

// Least is the smallest number of items to look at: with fewer, the skew of divergences makes intervals miss too often.
const Least = 16

// few is by how many items what is left of a population counts as more: the largest of a skewed series may be among the
// last ones. Without it, of 107 windows of a model of 30 layers, the interval missed in 7.2 % of the orders, with it in
// 4.4 %.
const few = 8

// mixing is the number of items at which the mixture is at its best, about: small favours early stops.
const mixing = 8

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
}

// Of is the sample of a series.
func Of(series []float64) Sample {
	s := Sample{N: len(series), Mean: stat.Mean(series, nil)}
	if s.N > 1 {
		s.SD = stat.StdDev(series, nil)
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

// Reach is the half width of the interval of the mean: infinite for fewer than two items, 0 when all are there.
//
// It inverts the t test that does not depend on the scale, with a normal mixture over the true mean in units of the
// standard deviation (Lai 1976; Wang and Ramdas, arXiv 2310.03722): with w the worth of the n items, r = c/(w+c) and
// t² = w·(m-μ)²/s², a mean μ is outside while √r·((1 + t²/(n-1))/(1 + r·t²/(n-1)))^(n/2) exceeds 1/α.
func (s Sample) Reach(o Options) float64 {
	w := o.worth(s.N)
	switch {
	case math.IsInf(w, 1):
		return 0
	case s.N < 2:
		return math.Inf(1)
	}
	r := mixing / (w + mixing)
	k := math.Pow(o.alpha()*math.Sqrt(r), -2/float64(s.N))
	if k*r >= 1 {
		return math.Inf(1)
	}
	return math.Max(s.SD, o.Least) * math.Sqrt((k-1)/(1-k*r)*float64(s.N-1)/w)
}

// Interval of a mean that is positive by nature, as a divergence is. It is symmetric in the logarithm, which suits the
// skew of such series, where the mean is known well enough for that.
func (s Sample) Interval(o Options) (low, high float64) {
	reach := s.Reach(o)
	if relative := reach / s.Mean; s.Mean > 0 && relative < 1 {
		return s.Mean * math.Exp(-relative), s.Mean * math.Exp(relative)
	}
	return s.Mean - reach, s.Mean + reach
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
	r, df := mixing/(w+mixing), float64(s.N-1)
	square := w * s.Mean * s.Mean / (sd * sd) / df
	evidence := math.Log(r)/2 + float64(s.N)/2*(math.Log1p(square)-math.Log1p(r*square))
	return math.Min(1, math.Exp(-evidence))
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
		if enough(Sample{middle, s.Mean, s.SD}) {
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

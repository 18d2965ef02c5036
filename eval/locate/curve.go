package locate

import (
	"cmp"
	"math"
	"slices"
)

// Sample is a damage, a positive number such as a divergence, of a file. Error is what the file's types are expected to
// do, by a measure that the damage is nearly proportional to.
type Sample struct{ BPW, Damage, Error float64 }

// ByBits is an expected error where nothing but the size is known: a bit halves the step between two levels and quarters
// the power of the error (6 dB a bit, Bennett 1948), which a divergence is proportional to.
func ByBits(bpw float64) float64 { return math.Exp2(-2 * bpw) }

// Expect is the damage to be expected of files with an expected error, by their size. The ratio of damage to error goes
// straight, in its logarithm, from sample to sample and stays as it is beyond them. Without samples it is NaN.
func Expect(samples []Sample, expected func(bpw float64) float64) func(bpw float64) float64 {
	s := slices.DeleteFunc(slices.Clone(samples), func(x Sample) bool { return !(x.Damage > 0 && x.Error > 0) })
	slices.SortStableFunc(s, func(a, b Sample) int { return cmp.Compare(a.BPW, b.BPW) })
	return func(bpw float64) float64 {
		if len(s) == 0 {
			return math.NaN()
		}
		i, _ := slices.BinarySearchFunc(s, bpw, func(x Sample, t float64) int { return cmp.Compare(x.BPW, t) })
		if i == 0 || i == len(s) {
			return s[min(i, len(s)-1)].ratio() * expected(bpw)
		}
		a, b := s[i-1], s[i]
		t := (bpw - a.BPW) / (b.BPW - a.BPW)
		return a.ratio() * math.Pow(b.ratio()/a.ratio(), t) * expected(bpw)
	}
}

func (s Sample) ratio() float64 { return s.Damage / s.Error }

package locate

import (
	"cmp"
	"math"
	"slices"
)

// Sample is a damage, a positive number such as a divergence, at a size.
type Sample struct{ BPW, Damage float64 }

// perBit is how much ln damage falls with a bit: a bit halves the step between two levels and quarters the power of the
// error (6 dB a bit, Bennett 1948), and for small errors the divergence is proportional to that.
const perBit = 2 * math.Ln2

// Expect is the damage to be expected at any size: its logarithm is straight between samples and goes on beyond them as
// between the last two, or with perBit after a single one. Slopes beyond the samples are kept within twice and a half
// of perBit. Without samples it is NaN.
func Expect(samples []Sample) func(bpw float64) float64 {
	s := slices.DeleteFunc(slices.Clone(samples), func(x Sample) bool { return !(x.Damage > 0) })
	slices.SortStableFunc(s, func(a, b Sample) int { return cmp.Compare(a.BPW, b.BPW) })
	return func(bpw float64) float64 {
		if len(s) == 0 {
			return math.NaN()
		}
		i, _ := slices.BinarySearchFunc(s, bpw, func(x Sample, t float64) int { return cmp.Compare(x.BPW, t) })
		i = min(max(i, 1), max(len(s)-1, 1))
		a := s[i-1]
		slope := -perBit
		if len(s) > 1 && s[i].BPW > a.BPW {
			slope = math.Log(s[i].Damage/a.Damage) / (s[i].BPW - a.BPW)
			if bpw < a.BPW || bpw > s[i].BPW {
				slope = min(max(slope, -2*perBit), -perBit/2)
			}
			if bpw > s[i].BPW {
				a = s[i]
			}
		}
		return a.Damage * math.Exp(slope*(bpw-a.BPW))
	}
}

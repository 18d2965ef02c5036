package sequential

import (
	"fmt"
	"math"
	"testing"
)

func ExampleSample_Interval() {
	kld := []float64{.31, .29, .34, .3, .27, .33, .36, .28, .3, .31, .35, .29, .32, .3, .33, .28}
	low, high := Of(kld).Interval(Options{Population: 120})
	fmt.Printf("after 16 of 120 windows: %.3f, from %.3f to %.3f\n", Of(kld).Mean, low, high)
	// Output: after 16 of 120 windows: 0.310, from 0.287 to 0.337
}

// TestReachInvertsChance: a mean at the end of its interval has the p-value that the level leaves.
func TestReachInvertsChance(t *testing.T) {
	for _, o := range []Options{{}, {Level: 0.9}, {Population: 60}, {Level: 0.999, Population: 1000}, {Least: 3}} {
		for _, n := range []int{8, 16, 40, 59} {
			s := Sample{N: n, SD: 2}
			s.Mean = s.Reach(o)
			if p := s.Chance(o); math.Abs(p-o.alpha()) > 1e-9 {
				t.Errorf("%+v, %d items: p = %v at a reach of %v", o, n, p, s.Mean)
			}
		}
	}
}

// TestEnds: nothing is known of one item, everything when all are there; zeros are no evidence, constants all.
func TestEnds(t *testing.T) {
	all := Options{Population: 20}
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"reach of one item", Sample{N: 1, Mean: 3}.Reach(Options{}), math.Inf(1)},
		{"chance of one item", Sample{N: 1, Mean: 3}.Chance(Options{}), 1},
		{"reach of all items", Sample{N: 20, Mean: 3, SD: 1}.Reach(all), 0},
		{"chance of all items", Sample{N: 20, Mean: 1e-9, SD: 1}.Chance(all), 0},
		{"chance of zeros", Sample{N: 16}.Chance(all), 1},
		{"chance of a constant", Sample{N: 16, Mean: 1}.Chance(all), 0},
		{"items until all are there", float64(Sample{N: 16, Mean: 1, SD: 9}.Until(all, func(s Sample) bool {
			return s.Reach(all) == 0
		})), 20},
		{"items until enough", float64(Sample{N: 16, Mean: 1, SD: 9}.Until(Options{}, func(s Sample) bool {
			return s.N >= 37
		})), 37},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
	// A floor of the standard deviation keeps a constant from being certain.
	if p := (Sample{N: 16, Mean: 0.01}).Chance(Options{Least: 0.1}); !(p > 0.5) {
		t.Errorf("a constant with a floor has p = %v", p)
	}
	if low, high := (Sample{N: 16, Mean: 1e-9, SD: 1}).Interval(Options{}); !(low < 0 && high > 0) {
		t.Errorf("the interval of a mean that is not known is %v to %v", low, high)
	}
}

// TestWidening: looking whenever one wants costs an interval about half as wide again.
func TestWidening(t *testing.T) {
	for _, n := range []int{16, 50, 200} {
		if w := Widening(n, 0.95); !(w > 1.2 && w < 2) {
			t.Errorf("%d items: %v", n, w)
		}
	}
}

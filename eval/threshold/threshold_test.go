package threshold

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/paired"
)

// bits makes a point of the given BPW over a million weights.
func bits(format string, bpw, kld, se float64) Point {
	return Point{Format: format, Bits: int64(bpw * 1e6), Weights: 1e6, KLD: kld, KLDSE: se}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, not %v ± %v", what, got, want, tolerance)
	}
}

func TestFidelityLocated(t *testing.T) {
	// log KLD falls by ln 10 per bit, so 0.1 lies at 4 exactly.
	points := []Point{bits("C", 5, .01, .001), bits("A", 3, 1, .1), bits("B", 4.5, .1*math.Pow(10, -.5), .003), {Format: "BF16", Source: true}}
	f := FitFidelity(points, Options{})
	if !f.Located || f.Status != Located || f.Bracket != [2]string{"A", "B"} {
		t.Fatalf("%+v", f)
	}
	near(t, "BPW", f.BPW, 4, 1e-9)
	// At one standard error (10 %, 9.5 %, 10 %) up, ln KLD moves by ln 1.196: 0.0777 bits at the interpolated place.
	if !(f.Low < 4 && 4 < f.High) || f.High-f.Low > .2 || f.Resamples != 0 {
		t.Errorf("interval [%v, %v]", f.Low, f.High)
	}
	near(t, "High", f.High, 4+math.Log(1+.1*1.96)/math.Log(10), .005)
}

func TestFidelityEnds(t *testing.T) {
	points := []Point{bits("Q2", 3, .05, .001), bits("Q8", 8, .0002, 1e-6)}
	below := FitFidelity(points, Options{})
	if below.Status != Below || below.Located || below.BPW != 0 || below.High != 3 || below.Bracket != [2]string{"", "Q2"} {
		t.Errorf("%+v", below)
	}
	above := FitFidelity(points, Options{Budget: 1e-4})
	if above.Status != Above || above.Located || above.Low != 8 || above.High != 0 || above.Bracket != [2]string{"Q8", ""} {
		t.Errorf("%+v", above)
	}
	for _, none := range [][]Point{nil, {{Format: "BF16", Source: true}}, {bits("Q2", 3, math.NaN(), 0)}} {
		if f := FitFidelity(none, Options{}); f.Status != NotLocated || f.Evidence == "" {
			t.Errorf("%+v", f)
		}
	}
}

func TestFidelityOddPoints(t *testing.T) {
	clean := []Point{bits("Q2", 3, 1, .01), bits("Q4", 4.5, .03, .001), bits("Q6", 6.5, .003, .0001)}
	want := FitFidelity(clean, Options{})
	// A KLD at or below zero, and a broken file, must not move the crossing.
	odd := append(slices.Clone(clean), bits("Q8", 8.5, -2e-6, 1e-6), bits("F16", 16, 0, 0), bits("bad", 5, math.Inf(1), 0))
	got := FitFidelity(odd, Options{})
	near(t, "BPW", got.BPW, want.BPW, 1e-12)
	if !strings.Contains(got.Evidence, "left out for want of a finite KLD: bad") {
		t.Errorf("evidence hides the broken file: %s", got.Evidence)
	}
	// More bits and yet worse, and a worse one of as many bits: neither is on the envelope.
	for _, worse := range []Point{bits("Q3_K_S", 3.4, .98, .01), bits("Q2b", 3, .99, .01)} {
		clean[0].KLD = .97
		want = FitFidelity(clean, Options{})
		got = FitFidelity(append(slices.Clone(clean), worse), Options{})
		if !got.Located || got.Bracket != [2]string{"Q2", "Q4"} || got.BPW != want.BPW || got.Low != want.Low {
			t.Errorf("with %s: %+v, not %+v", worse.Format, got, want)
		}
	}
}

func TestFidelityGolden(t *testing.T) {
	f := FitFidelity(demo(t, "demo-s").Points, Options{})
	if f.Status != Below || !strings.Contains(f.Evidence, "Q2_K") {
		t.Errorf("%+v", f)
	}
	// At 0.05 nats the crossing lies between Q2_K (0.0799) and Q3_K_S (0.0372).
	f = FitFidelity(demo(t, "demo-s").Points, Options{Budget: .05})
	if !f.Located || f.Bracket != [2]string{"Q2_K", "Q3_K_S"} || !(f.Low < f.BPW && f.BPW < f.High) {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(f.Method, "no values per chunk") {
		t.Errorf("the method does not say why it is parametric: %s", f.Method)
	}
}

// simulated draws window KLDs of three formats whose true means are 1, 0.1·e, 0.01 at 3, 4, 5 BPW: window hardness is shared.
func simulated(rng *rand.Rand, windows int) []Point {
	truth := []float64{1, .1 * math.E, .01}
	points := make([]Point, len(truth))
	for i := range points {
		points[i] = bits([]string{"A", "B", "C"}[i], float64(3+i), 0, 0)
	}
	for range windows {
		shared := math.Exp(.5*rng.NormFloat64() - .125)
		for i, mean := range truth {
			own := math.Exp(.2*rng.NormFloat64() - .02)
			points[i].WindowKLD = append(points[i].WindowKLD, mean*shared*own)
		}
	}
	return points
}

func TestFidelityCoverage(t *testing.T) {
	truth := FitFidelity([]Point{bits("A", 3, 1, 0), bits("B", 4, .1*math.E, 0), bits("C", 5, .01, 0)}, Options{}).BPW
	rng := rand.New(rand.NewPCG(7, 7))
	const trials = 300
	covered := 0
	for i := range trials {
		f := FitFidelity(simulated(rng, 80), Options{Options: paired.Options{Resamples: 300, Seed: uint64(i + 1)}})
		if !f.Located {
			t.Fatalf("%+v", f)
		}
		if f.Low <= truth && truth <= f.High {
			covered++
		}
	}
	if share := float64(covered) / trials; share < .89 || share > .985 {
		t.Errorf("the 95 %% interval holds the truth in %.1f %% of trials", 100*share)
	}
}

func TestSameSeedSameInterval(t *testing.T) {
	points := simulated(rand.New(rand.NewPCG(1, 2)), 40)
	a, b := FitFidelity(points, Options{Options: paired.Options{Seed: 3}}), FitFidelity(points, Options{Options: paired.Options{Seed: 3}})
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v\n%+v", a, b)
	}
	if !strings.Contains(a.Method, "seed 3") || a.Seed != 3 || a.Resamples != 2000 {
		t.Errorf("seed and resamples are not stated: %+v", a)
	}
	if c := FitFidelity(points, Options{Options: paired.Options{Seed: 4}}); c.Low == a.Low && c.High == a.High {
		t.Error("the seed changes nothing")
	}
}

func TestFewWindowsFallBack(t *testing.T) {
	points := simulated(rand.New(rand.NewPCG(1, 2)), 9)
	for i := range points {
		points[i].KLD, points[i].KLDSE = []float64{1, .1 * math.E, .01}[i], .001
	}
	f := FitFidelity(points, Options{})
	if !f.Located || f.Resamples != 0 || !strings.Contains(f.Method, "9 chunks are too few") || f.Low == 0 {
		t.Errorf("%+v", f)
	}
}

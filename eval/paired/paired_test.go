package paired

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// series draws n values around truth whose neighbours correlate by phi.
func series(rng *rand.Rand, n int, phi, truth float64) []float64 {
	x := make([]float64, n)
	state := rng.NormFloat64() / math.Sqrt(1-phi*phi)
	for i := range x {
		state = phi*state + rng.NormFloat64()
		x[i] = truth + state
	}
	return x
}

// TestCoverage holds the intervals to what they promise, by simulation. Strong likeness between few neighbours cannot
// be seen in the data, so the promise weakens there; the bounds state by how much.
func TestCoverage(t *testing.T) {
	const trials, truth = 600, 0.3
	for _, c := range []struct {
		n         int
		phi       float64
		low, high float64
	}{
		{12, 0, .93, .99}, {24, 0, .93, .99}, {24, .3, .90, .97}, {124, 0, .93, .97}, {124, .3, .90, .97}, {124, .5, .86, .96}, {500, .5, .90, .97},
	} {
		rng := rand.New(rand.NewPCG(uint64(c.n), uint64(100*c.phi)))
		covered, found := 0, 0
		for i := range trials {
			d, err := Mean(series(rng, c.n, c.phi, truth), Options{Resamples: 400, Seed: uint64(i + 1)})
			if err != nil {
				t.Fatal(err)
			}
			if d.Low <= truth && truth <= d.High {
				covered++
			}
			null, err := Mean(series(rng, c.n, c.phi, 0), Options{Resamples: 400, Seed: uint64(i + 1)})
			if err != nil {
				t.Fatal(err)
			}
			if null.P < 0.05 {
				found++
			}
		}
		share, false05 := float64(covered)/trials, float64(found)/trials
		t.Logf("n %d, correlation %.1f: the 95 %% interval holds the truth in %.1f %%; p < 0.05 without a difference in %.1f %%", c.n, c.phi, 100*share, 100*false05)
		if share < c.low || share > c.high {
			t.Errorf("n %d, correlation %.1f: covered %.1f %%, want %.0f to %.0f", c.n, c.phi, 100*share, 100*c.low, 100*c.high)
		}
		if math.Abs((1-share)-false05) > 0.05 {
			t.Errorf("n %d, correlation %.1f: interval and p-value disagree: %.3f against %.3f", c.n, c.phi, 1-share, false05)
		}
	}
}

// TestPairing shows what pairing is for: two models on the same hard text.
func TestPairing(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	a, b := make([]float64, 60), make([]float64, 60)
	for i := range a {
		hard := 4 + rng.NormFloat64()
		a[i], b[i] = hard+0.02+0.01*rng.NormFloat64(), hard
	}
	d, err := Compare(a, b, Options{})
	if err != nil || d.Low <= 0 || d.P > 0.01 || math.Abs(d.Mean-0.02) > 0.005 {
		t.Errorf("%+v %v", d, err)
	}
	again, _ := Compare(a, b, Options{})
	if again != d {
		t.Errorf("the same seed gives %+v and %+v", d, again)
	}
	if other, _ := Compare(a, b, Options{Seed: 2}); other.Low == d.Low && other.High == d.High {
		t.Error("another seed draws the same resamples")
	}
}

func TestCompareRefuses(t *testing.T) {
	long := make([]float64, 20)
	bad := slices.Clone(long)
	bad[3] = math.NaN()
	for _, c := range [][2][]float64{{long, long[:19]}, {long[:5], long[:5]}, {long, bad}} {
		if d, err := Compare(c[0], c[1], Options{}); err == nil {
			t.Errorf("%+v", d)
		}
	}
}

// TestEstimate: series pair; without them, or with too few items, the standard errors count as independent; without
// either there is no test.
func TestEstimate(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	a, b := Estimate{Value: 4.02, SE: 0.03}, Estimate{Value: 4, SE: 0.04}
	alone, ok := a.Against(b, Options{})
	if !ok || math.Abs(alone.Mean-0.02) > 1e-12 || math.Abs(alone.High-0.02-1.959964*0.05) > 1e-6 ||
		math.Abs(alone.P-0.6891565) > 1e-6 {
		t.Errorf("%+v %v", alone, ok)
	}
	for range 40 {
		hard := 4 + rng.NormFloat64()
		a.Series, b.Series = append(a.Series, hard+0.02+0.01*rng.NormFloat64()), append(b.Series, hard)
	}
	if d, ok := a.Against(b, Options{}); !ok || d.Low <= 0 || d.P > 0.01 {
		t.Errorf("%+v %v", d, ok)
	}
	short := Estimate{a.Value, a.SE, a.Series[:5], nil}
	if d, ok := short.Against(b, Options{}); !ok || d != alone {
		t.Errorf("%+v, not %+v", d, alone)
	}
	eight, looks := Estimate{b.Value, b.SE, b.Series[:8], nil}, Options{Looks: true}
	if d, ok := short.Against(b, looks); !ok || d != alone {
		t.Errorf("all five: %+v, not %+v", d, alone)
	}
	if d, ok := eight.Against(a, looks); !ok || !(d.High-d.Low > 1.5*(alone.High-alone.Low)) || d.P < alone.P {
		t.Errorf("eight at any look: %+v, no wider than %+v", d, alone)
	}
	nan, inf := math.NaN(), math.Inf(1)
	for _, none := range []Estimate{{Value: 1}, {Value: 1, SE: nan}, {Value: nan, SE: 1}, {Value: 1, SE: inf}} {
		if d, ok := none.Against(Estimate{Value: 2}, Options{}); ok {
			t.Errorf("%+v: %+v", none, d)
		}
	}
}

// TestConstant has no variance to speak of.
func TestConstant(t *testing.T) {
	x := make([]float64, 20)
	if d, err := Mean(x, Options{}); err != nil || d.Mean != 0 || d.Low != 0 || d.High != 0 || d.P != 1 {
		t.Errorf("%+v %v", d, err)
	}
	for i := range x {
		x[i] = 2
	}
	if d, err := Mean(x, Options{}); err != nil || math.Abs(d.Low-2) > 1e-12 || math.Abs(d.High-2) > 1e-12 || d.P > 0.01 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestBlockLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	white, alike := series(rng, 400, 0, 0), series(rng, 400, .9, 0)
	if w, a := (Options{}).BlockLength(400, white), (Options{}).BlockLength(400, white, alike); w > 12 || a < 15 {
		t.Errorf("blocks of %d for white noise, of %d for neighbours alike", w, a)
	}
	if n := (Options{Block: 7}).BlockLength(5, nil); n != 5 {
		t.Errorf("block %d of 5", n)
	}
	if n := (Options{}).BlockLength(1); n != 1 {
		t.Errorf("block %d of 1", n)
	}
}

// TestWilson compares with figures of R's prop.test(correct = FALSE).
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{0, 10, 0, 0.2775328}, {10, 10, 0.7224672, 1}, {45, 100, 0.3561454, 0.5475540}, {0, 0, 0, 1}} {
		low, high := Wilson(c.k, c.n, 0.95)
		if math.Abs(low-c.low) > 1e-6 || math.Abs(high-c.high) > 1e-6 {
			t.Errorf("%d of %d: %.7f to %.7f, want %.7f to %.7f", c.k, c.n, low, high, c.low, c.high)
		}
	}
}

// TestMcNemar compares with binomial sums by hand.
func TestMcNemar(t *testing.T) {
	for _, c := range []struct {
		a, b int
		p    float64
	}{{0, 0, 1}, {5, 5, 1}, {0, 5, 2.0 / 32}, {1, 5, 2 * 7.0 / 64}, {10, 1, 2 * 12.0 / 2048}} {
		if p := McNemar(c.a, c.b); math.Abs(p-c.p) > 1e-12 {
			t.Errorf("%d against %d: %v, want %v", c.a, c.b, p, c.p)
		}
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, math.NaN(), 0.005})
	want := []float64{0.03, 0.06, 0.06, math.NaN(), 0.02}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) < 1e-12) && !math.IsNaN(want[i]) {
			t.Errorf("%v, want %v", got, want)
			break
		}
	}
	if !math.IsNaN(got[3]) {
		t.Errorf("a comparison not made got %v", got[3])
	}
}

// TestCommon: items that only one has are left out; what has no number is none.
func TestCommon(t *testing.T) {
	for _, c := range []struct {
		items   [][]int
		lengths []int
		want    string
	}{
		{[][]int{nil, nil}, []int{3, 3}, "[[] []]"},
		{[][]int{{0, 2, 5}, nil}, []int{3, 4}, "[[0 1] [0 2]]"},
		{[][]int{{0, 2}, nil}, []int{3, 3}, "[[0 1] [0 2]]"},
	} {
		if got := fmt.Sprint(Common(c.items, c.lengths)); got != c.want {
			t.Errorf("%v: %s, not %s", c.items, got, c.want)
		}
	}
}

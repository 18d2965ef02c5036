package threshold

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"bitmill/eval/paired"
)

// bent are formats whose ln KLD falls by 3 a bit up to 3.5 BPW and by 1 above.
func bent(rng *rand.Rand, noise float64) []Point {
	var points []Point
	for _, bpw := range []float64{2.2, 2.6, 3.0, 3.4, 3.9, 4.5, 5.1, 6.0, 6.6, 8.5} {
		y := -2 - 3*math.Min(0, bpw-3.5)*1 - 1*math.Max(0, bpw-3.5)
		p := Point{Format: "X", Bits: int64(bpw * 1e6), Weights: 1e6}
		for range 60 {
			p.WindowKLD = append(p.WindowKLD, math.Exp(y+noise*rng.NormFloat64()))
		}
		sum := 0.0
		for _, k := range p.WindowKLD {
			sum += k / 60
		}
		p.KLD = sum
		points = append(points, p)
	}
	return points
}

func TestKnee(t *testing.T) {
	k := FitKnee(bent(rand.New(rand.NewPCG(1, 1)), 0.2), Options{Options: paired.Options{Resamples: 200}})
	if !k.Located || math.Abs(k.BPW-3.5) > 0.15 || k.Low > 3.5 || k.High < 3.45 || math.Abs(k.Below+3) > 0.3 || math.Abs(k.Above+1) > 0.1 || k.Explained < 0.9 {
		t.Errorf("%+v", k)
	}
	var straight []Point
	for i := range 8 {
		straight = append(straight, Point{Format: "X", Bits: int64(2+i) * 1e6, Weights: 1e6, KLD: math.Exp(-float64(i)), KLDSE: 1e-6})
	}
	for i := range straight { // bent the other way
		if i > 4 {
			straight[i].KLD *= math.Exp(-float64(i-4) * 2)
		}
	}
	if k := FitKnee(straight, Options{}); k.Located || !strings.Contains(k.Evidence, "does not climb faster") {
		t.Errorf("%+v", k)
	}
	if k := FitKnee(straight[:5], Options{}); k.Located || !strings.Contains(k.Evidence, "too few") {
		t.Errorf("%+v", k)
	}
}

// TestKneeMeasured: rows without loss, types that no model of this kind survives and formats off the envelope move no
// knee; a joint that explains less than half is none.
func TestKneeMeasured(t *testing.T) {
	m, o := measuredModel(t, "demo-s"), Options{Options: paired.Options{Resamples: 100}}
	const headline = "Q8_0,Q6_K,Q5_K_M,Q4_K_M,Q3_K_M,Q3_K_S,Q2_K"
	want := FitKnee(m.only(headline), o)
	near(t, "knee of the headline formats", want.BPW, 6.046, .001)
	if !want.Located || want.Explained < .9 || !(want.Low <= want.BPW && want.BPW <= want.High) {
		t.Errorf("%+v", want)
	}
	// Q4_1 and Q2_K_S cost more bits than Q4_K_M and Q2_K and diverge more.
	for _, more := range []string{",BF16,F16,F32", ",TQ2_0", ",Q1_0,TQ1_0", ",Q4_1", ",F32,TQ2_0,Q4_1"} {
		if k := FitKnee(m.only(headline+more), o); k.BPW != want.BPW || k.Evidence != want.Evidence {
			t.Errorf("with %s: %+v", more, k)
		}
	}
	near(t, "knee of all formats", FitKnee(m.Points, o).BPW, 3.577, .001)
	if k := FitKnee(m.only(iquants), o); k.Located || k.BPW != 0 || k.Explained > .5 ||
		!strings.Contains(k.Evidence, "less than half, 43.8 %") {
		t.Errorf("%+v", k)
	}
	few := FitKnee(m.only("Q8_0,Q6_K,Q4_K_M,Q4_1,Q2_K,Q2_K_S,BF16,F32,TQ2_0"), o)
	if k := few; k.Located || !strings.Contains(k.Evidence, "5 quantized formats") {
		t.Errorf("%+v", k)
	}
}

func TestLinear(t *testing.T) {
	var costs []Cost
	for i, format := range []string{"Q2_K", "Q3_K_S", "Q4_K_M", "Q6_K", "Q8_0"} {
		x := float64(3 + i)
		costs = append(costs, Cost{format, x, 5 + 2*x})
	}
	l, err := FitLinear("latency", "ms", costs, 0.95)
	if err != nil || math.Abs(l.Slope-2) > 1e-9 || math.Abs(l.Intercept-5) > 1e-9 || l.R2 < 1-1e-12 || l.SlopeHigh-l.SlopeLow > 1e-6 {
		t.Errorf("%v %+v", err, l)
	}
	costs[2].Value *= 1.5
	if l, _ = FitLinear("latency", "ms", costs, 0.95); l.Worst != "Q4_K_M" || l.R2 > 0.9 || l.SlopeLow > 0 || !strings.Contains(l.Evidence, "do not explain") {
		t.Errorf("%+v", l)
	}
	for i := range costs {
		costs[i].Value = 7
	}
	if l, err = FitLinear("memory", "bytes", costs, 0.95); err != nil || l.Slope != 0 || l.R2 != 0 {
		t.Errorf("%v %+v", err, l)
	}
	if _, err := FitLinear("latency", "ms", costs[:3], 0.95); err == nil {
		t.Error("three points were accepted")
	}
	costs[1].Value = math.NaN()
	if _, err := FitLinear("latency", "ms", costs, 0.95); err == nil {
		t.Error("a cost that was not measured was accepted")
	}
}

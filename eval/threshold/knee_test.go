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

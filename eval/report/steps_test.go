package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/eval/score"
	"bitmill/eval/threshold"
)

// TestSteps: a step that costs the same on every window is found below the spread of the windows, one that costs nothing
// is not, and formats without windows are left out.
func TestSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	hard := make(score.Series, 40)
	for i := range hard {
		hard[i] = 3 + rng.NormFloat64()
	}
	row := func(format string, bits int64, cost float64) Row {
		r := Blank(format)
		r.PayloadBits, r.Weights = bits, 100
		for _, h := range hard {
			r.WindowNLL = append(r.WindowNLL, h+cost+0.001*rng.NormFloat64())
			r.WindowKLD = append(r.WindowKLD, 0.1+cost+0.001*rng.NormFloat64())
		}
		return r
	}
	bare := Blank("IQ1_S")
	bare.PayloadBits, bare.Weights = 100, 100
	m := Model{Artifacts: []Row{row("Q2_K", 300, 0.03), row("Q8_0", 800, 0), row("Q4_K_M", 500, 0), bare}}
	steps := m.steps(threshold.Options{})
	if len(steps) != 2 || steps[0].From != "Q8_0" || steps[0].To != "Q4_K_M" || steps[1].To != "Q2_K" {
		t.Fatalf("%+v", steps)
	}
	if s := steps[0]; s.Loss.P < 0.05 || s.KLD.P < 0.05 || s.Loss.Low > 0 || s.Loss.High < 0 {
		t.Errorf("nothing changed, and the step says %+v", s)
	}
	if s := steps[1]; s.Loss.P > 0.01 || s.Loss.Low <= 0 || math.Abs(s.Loss.Mean-0.03) > 0.002 || math.Abs(s.KLD.Mean-0.03) > 0.002 {
		t.Errorf("0.03 nats more, and the step says %+v", s)
	}
}

package pipeline

import (
	"math"
	"testing"

	"bitmill/eval/score"
)

// What the encoders' file has over all windows follows from a few, by the ratio on these.
func TestReferenceOf(t *testing.T) {
	artifact := score.Text{KLD: 0.3, WindowKLD: score.Series{0.1, 0.4, 0.2, 0.5}, Windows: []int{2, 5, 7, 9}}
	some := score.Text{KLD: 9, KLDSE: 9, WindowKLD: score.Series{0.8, 0.7}, Windows: []int{5, 7}}
	r := referenceOf(artifact, some)
	want, se := 0.3*1.5/0.6, math.Abs(math.Log(2)-math.Log(3.5))/2 // two values' deviation over sqrt(2)
	if r.Windows != 2 || math.Abs(r.KLD-want) > 1e-12 || math.Abs(r.KLDSE-want*se) > 1e-12 || r.PPL != 0 {
		t.Errorf("%+v, want %v ± %v", r, want, want*se)
	}
	all := score.Text{KLD: 0.7, KLDSE: 0.1, PPL: 5, SameTop: 0.5, WindowKLD: artifact.WindowKLD, Windows: artifact.Windows}
	if r := referenceOf(artifact, all); r.KLD != 0.7 || r.PPL != 5 || r.Windows != 0 {
		t.Errorf("of all windows: %+v", r)
	}
	if r := referenceOf(score.Text{WindowKLD: make(score.Series, 4)}, score.Text{WindowKLD: score.Series{0}}); r != nil {
		t.Errorf("of nothing: %+v", r)
	}
}

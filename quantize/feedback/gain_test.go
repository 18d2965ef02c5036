package feedback

import (
	"math"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// Of pairs of columns with a correlation, feedback leaves one's error and the part of the other's that it cannot take back.
func TestGain(t *testing.T) {
	pool := infer.NewPool(2)
	defer pool.Close()
	u := run{pool: pool, Options: Options{Kernel: kernel.Best()}}
	for _, r := range []float64{0, 0.5, 0.9} {
		h := newPanelled(64, 64)
		for i, v := range h.diagonal {
			*v = 1
			h.row(i/panel, i^1)[i%panel] = float32(r)
		}
		got, err := u.gain(h)
		if want := (1 + 1 - r*r) / 2; err != nil || math.Abs(got-want) > 1e-5 {
			t.Errorf("correlation %g: %g, %v; want %g", r, got, err, want)
		}
	}
}

package feedback_test

import (
	"context"
	"maps"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/quantize/feedback"
)

// Every matrix that is chosen has a gain, whatever the threads and the set of kernels.
func TestGains(t *testing.T) {
	for _, name := range []string{"llama", "granite-tied", "qwen3-moe", "deepseek-v2"} {
		x := newExample(t, name, "Q4_0")
		var got []map[string]float64
		for _, threads := range []int{1, 3} {
			pool := infer.NewPool(threads)
			gains, err := feedback.Gains(context.Background(), pool, x.source, x.windows, feedback.Options{})
			pool.Close()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, gains)
		}
		if !maps.Equal(got[0], got[1]) {
			t.Errorf("%s: %v, with three threads %v", name, got[0], got[1])
		}
		var sets []map[string]float64
		for _, set := range kernel.Available() { // plain Go is slow
			pool := infer.NewPool(2)
			gains, err := feedback.Gains(context.Background(), pool, x.source, x.windows[:12], feedback.Options{Kernel: set})
			pool.Close()
			if sets = append(sets, gains); err != nil || !maps.Equal(gains, sets[0]) {
				t.Errorf("%s: %s: %v, want %v; %v", name, set.Name, gains, sets[0], err)
			}
		}
		for name, v := range got[0] {
			if !(v > 0 && v <= 1) {
				t.Errorf("%s: a gain of %g", name, v)
			}
		}
		for i := range x.encoded.Tensors {
			if t1 := &x.encoded.Tensors[i]; t1.Type == formats.Q4_0 && t1.Matrices() == 1 && got[0][t1.Name] == 0 {
				t.Errorf("%s: %s has no gain", name, t1.Name)
			}
		}
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/machine"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
)

func subject(t *testing.T, name string) Subject {
	t.Helper()
	c, err := checkpoint.Open(checkpointtest.Load(t, name).Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	m, err := infer.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	return Subject{m, -1}
}

func TestMeasure(t *testing.T) {
	pool := infer.NewPool(2)
	defer pool.Close()
	rounds := int64(0)
	tests := Grid([]int{24, 0}, []int{5, 3}, []int{0, 40})
	results, err := Measure(t.Context(), pool, []Subject{subject(t, "llama"), subject(t, "qwen3")}, Options{
		Tests: tests, Repetitions: 3,
		Progress: func(done, total int64) {
			if rounds++; done != rounds || total != 8 {
				t.Errorf("round %d: progress says %d of %d", rounds, done, total)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if rounds != 8 {
		t.Errorf("%d rounds: two models, warmed up and three times each, make 8", rounds)
	}
	for i, r := range results {
		if len(r.Tests) != 6 {
			t.Fatalf("model %d: %d tests of six", i, len(r.Tests))
		}
		for k, x := range r.Tests {
			if len(x.Samples) != 3 || !(x.Mean() > 0) || x.Work.WeightBytes != r.Tests[0].Work.WeightBytes {
				t.Errorf("model %d, %s: %+v", i, tests[k], x)
			}
			if k >= 3 && x.Work.KVBytes <= r.Tests[k-3].Work.KVBytes {
				t.Errorf("%s reads no more of the cache than %s", tests[k], tests[k-3])
			}
		}
		if r.KVBytes <= 0 || r.ScratchBytes <= 0 {
			t.Errorf("model %d: %+v", i, r)
		}
	}
	llama := []Subject{subject(t, "llama")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, pool, llama, Options{Tests: []Test{{Prompt, 4, 0}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestDepth: a test at a depth runs behind so many tokens, of which none are left by the test before it.
func TestDepth(t *testing.T) {
	pool := infer.NewPool(1)
	defer pool.Close()
	r := newRun(pool, subject(t, "llama"), Options{Tests: []Test{{Generate, 3, 8}}})
	for _, test := range []Test{{Generate, 2, 8}, {Prompt, 10, 0}, {Prompt, 1, 9}} {
		_, err := r.test(t.Context(), test)
		_, last := r.feed(t.Context(), 1, 1, false)
		_, beyond := r.feed(t.Context(), 1, 1, false)
		if err != nil || last != nil || beyond == nil {
			t.Errorf("%s does not leave one position of eleven: %v, %v, %v", test, err, last, beyond)
		}
	}
	if _, err := r.test(t.Context(), Test{Prompt, 4, 8}); err == nil {
		t.Error("a test longer than the cache")
	}
}

func TestNames(t *testing.T) {
	tests := Grid([]int{512}, []int{128, 0}, []int{0, 4096})
	if got := fmt.Sprint(tests); got != "[pp512 tg128 pp512 @ d4096 tg128 @ d4096]" {
		t.Error(got)
	}
}

func TestRuns(t *testing.T) {
	pool := infer.NewPool(1)
	defer pool.Close()
	runs, err := Runs(t.Context(), pool, subject(t, "llama"), Options{Tests: []Test{{Prompt, 8, 0}, {Generate, 3, 0}}})
	if err != nil || len(runs) != 2 {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(runs[0](), runs[1]()); err != nil {
			t.Error(err)
		}
	}
	if _, err := Runs(t.Context(), pool, subject(t, "llama"), Options{Tests: []Test{{Prompt, 8, 4}}}); err == nil {
		t.Error("the energy of a test at a depth")
	}
}

func TestSamples(t *testing.T) {
	s := Samples{2, 4, 4, 4, 5, 5, 7, 9}
	if s.Mean() != 5 || math.Abs(s.SD()-math.Sqrt(32.0/7)) > 1e-12 {
		t.Errorf("mean %v, sd %v", s.Mean(), s.SD())
	}
	if (Samples{}).Mean() != 0 || (Samples{3}).SD() != 0 {
		t.Error("none and one have a mean of 0 and no deviation")
	}
}

// TestBound: 10 passes a second over 1 kB of weights with 100 B of cache, on a machine that reads 22 kB a second.
func TestBound(t *testing.T) {
	m := machine.Rates{ReadBytes: 22000, Int8: 1000, Float: 500, BF16: 2000}
	w := infer.Work{WeightBytes: 1000, KVBytes: 100}
	w.Products[kernel.FormF32], w.Products[kernel.FormQ8_K], w.Products[kernel.FormBF16] = 5, 10, 20
	if b := BoundOf(m, w, 10); b.Memory != 0.5 || math.Abs(b.Compute-0.6) > 1e-12 {
		t.Errorf("%+v", b)
	}
}

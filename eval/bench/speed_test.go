package bench

import (
	"context"
	"errors"
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
	results, err := Measure(t.Context(), pool, []Subject{subject(t, "llama"), subject(t, "qwen3")}, Options{
		Prompt: 24, Generate: 5, Repetitions: 3,
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
		if len(r.Prompt) != 3 || len(r.Generate) != 3 || !(r.Prompt.Mean() > 0) || !(r.Generate.Mean() > 0) {
			t.Errorf("model %d: %v, %v", i, r.Prompt, r.Generate)
		}
		if r.KVBytes <= 0 || r.ScratchBytes <= 0 || r.GenerateWork.WeightBytes != r.PromptWork.WeightBytes {
			t.Errorf("model %d: %+v", i, r)
		}
	}
	llama := []Subject{subject(t, "llama")}
	r, err := Measure(t.Context(), pool, llama, Options{Generate: 1})
	if err != nil || len(r[0].Prompt) != 0 || len(r[0].Generate) != 1 {
		t.Errorf("generation alone: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, pool, llama, Options{Prompt: 4}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTests(t *testing.T) {
	pool := infer.NewPool(1)
	defer pool.Close()
	prompt, generate, err := Tests(t.Context(), pool, subject(t, "llama"), Options{Prompt: 8, Generate: 3})
	if err != nil || prompt == nil || generate == nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(prompt(), generate()); err != nil {
			t.Error(err)
		}
	}
	prompt, generate, err = Tests(t.Context(), pool, subject(t, "llama"), Options{Prompt: 8})
	if err != nil || prompt == nil || generate != nil {
		t.Error("a test of no tokens was made", err)
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

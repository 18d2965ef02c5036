//go:build !slim

package cli

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"bitmill/cli/pipeline"
	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
)

// The divergence that method tuned lowers is the engine's, with activations that are not rounded.
func TestGradientsSeeTheDivergenceOfTheEngine(t *testing.T) {
	const tokens, first = 64, 20
	dir := t.TempDir()
	source, made := filepath.Join(dir, "demo-s"), filepath.Join(dir, "made.gguf")
	if err := writeDemo(source); err != nil {
		t.Fatal(err)
	}
	if out, err := bitmill(t, "quantize", source, made, "-f", "Q2_K").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := pipeline.Session{Events: pipeline.Discard{}, Threads: 2, Source: checkpoint.OpenOptions{AllowRequantize: true}}
	pool := s.Pool()
	defer pool.Close()
	window := make([]int32, tokens)
	for i := range window {
		window[i] = int32(i * i % 4096)
	}
	var logits [2][][]float32
	var models [2]*pipeline.Model
	for i, path := range []string{source, made} {
		m, err := s.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		m.Engine.ExactInputs()
		flat, err := infer.NewRunner(pool, infer.Options{}).Forward(m.Engine,
			[]infer.Sequence{{Tokens: window}})
		if err != nil {
			t.Fatal(err)
		}
		models[i], logits[i] = m, rows(flat, m.Config.Vocab)
	}
	want := 0.0
	for p := first; p < tokens; p++ {
		want += klDivergence(logits[0][p], logits[1][p]) / (tokens - first)
	}
	g, err := tuner.Open(models[0].Checkpoint, pipeline.GradientOptions{Tokens: tokens, First: first})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for i := range models[1].Tensors {
		x := &models[1].Tensors[i]
		if err := x.Floats(g.Weights(x.Name), 0, x.Rows()); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Add(context.Background(), window); err != nil {
		t.Fatal(err)
	}
	got, err := g.Divergence(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !(math.Abs(got/want-1) < 1e-3) || want < 0.01 {
		t.Errorf("divergence %g, the engine's is %g", got, want)
	}
	if rate, err := tuner.Rate(2); err != nil || !(rate > 0 && rate < 1e-6) {
		t.Errorf("a product takes %g s, %v", rate, err)
	}
}

// klDivergence is Σ p·(ln p - ln q) of two rows of logits.
func klDivergence(p, q []float32) (nats float64) {
	norm := func(x []float32) float64 {
		sum := 0.0
		for _, v := range x {
			sum += math.Exp(float64(v))
		}
		return math.Log(sum)
	}
	a, b := norm(p), norm(q)
	for i := range p {
		lp := float64(p[i]) - a
		nats += math.Exp(lp) * (lp - float64(q[i]) + b)
	}
	return nats
}

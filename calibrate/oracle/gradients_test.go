package oracle

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
)

// gradients makes those of a case, with one window, and the other model's weights changed a little.
func gradients(t testing.TB, name string, o GradientOptions) *Gradients {
	t.Helper()
	c := checkpointtest.Load(t, name)
	openPath(t, c.Folder(t), Options{}).Close() // skips under -race
	o.Tokens = len(c.Tokens)
	g, err := NewGradients(openCheckpoint(t, c.Folder(t)), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	if err := g.Add(context.Background(), c.Tokens); err != nil {
		t.Fatal(err)
	}
	for i := range g.tensors {
		w := g.weights[i].flat
		for j := range w {
			w[j] += 0.1 * float32(math.Abs(float64(w[j]))*math.Sin(float64(7*i+3*j)))
		}
	}
	return g
}

func divergence(t testing.TB, g *Gradients) float64 {
	t.Helper()
	v, err := g.Divergence(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The derivative along a direction in every tensor is that of the divergence itself.
func TestGradientsAreCentralDifferences(t *testing.T) {
	for _, name := range []string{"llama-bias", "mistral", "qwen3"} { // all branches of the graph
		t.Run(name, func(t *testing.T) {
			g := gradients(t, name, GradientOptions{First: 3})
			slopes, directions := map[string]float64{}, map[string][]float32{}
			nats, err := g.Gradient(context.Background(), 0, func(name string, d []float32) {
				directions[name] = slices.Clone(d)
				for _, v := range d {
					slopes[name] += float64(v) * float64(v)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if v := divergence(t, g); !(math.Abs(v-nats) < 1e-6*v) {
				t.Errorf("divergence %g with gradients, %g without", nats, v)
			}
			for i, tensor := range g.tensors {
				d, w := directions[tensor.Name], g.weights[i].flat
				if len(d) != len(w) {
					t.Fatalf("%s: %d derivatives of %d values", tensor.Name, len(d), len(w))
				}
				if formats.LayerOf(tensor.Name) > 0 {
					continue // as the first layer's
				}
				old := slices.Clone(w)
				step := 0.01 * nats / slopes[tensor.Name] // changes the divergence by a hundredth
				at := func(step float64) float64 {
					for j := range w {
						w[j] = old[j] + float32(step*float64(d[j]))
					}
					return divergence(t, g)
				}
				got := (at(step) - at(-step)) / (2 * step)
				copy(w, old)
				if !(math.Abs(got/slopes[tensor.Name]-1) < 0.02) {
					t.Errorf("%s: slope %g along the gradient, the gradient says %g", tensor.Name, got,
						slopes[tensor.Name])
				}
			}
		})
	}
}

// Of a model from itself the divergence is zero, and no weight changes it in the first order.
func TestDivergenceOfTheFullModel(t *testing.T) {
	g := gradients(t, "qwen3", GradientOptions{})
	far := divergence(t, g)
	for i, s := range g.tensors {
		if err := s.Floats(g.weights[i].flat, 0, s.Rows()); err != nil {
			t.Fatal(err)
		}
	}
	if v := divergence(t, g); !(math.Abs(v) < 1e-5*far) {
		t.Errorf("the full model is %g from itself, %g when changed", v, far)
	}
}

func TestSameGradientsForAnyThreads(t *testing.T) {
	only := func(name string) bool { return name == "blk.0.attn_q.weight" }
	var want []float32
	for _, threads := range []int{1, 2, 3} {
		g := gradients(t, "llama", GradientOptions{Options: Options{Threads: threads}, Vary: only})
		var got []float32
		if _, err := g.Gradient(context.Background(), 0, func(name string, d []float32) {
			if !only(name) {
				t.Errorf("a derivative by %s", name)
			}
			got = slices.Clone(d)
		}); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%d threads: other gradients", threads)
		}
	}
}

func TestGradientErrors(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	k := openCheckpoint(t, c.Folder(t))
	if _, err := NewGradients(k, GradientOptions{Options: Options{MaxBytes: 1 << 20}, Tokens: 512}); !errors.Is(err,
		ErrTooLarge) {
		t.Errorf("limit of 1 MiB: %v", err)
	}
	if _, err := NewGradients(k, GradientOptions{Tokens: 8, First: 8}); err == nil {
		t.Error("no position was accepted")
	}
	other := openCheckpoint(t, checkpointtest.Load(t, "gemma2").Folder(t))
	if _, err := NewGradients(other, GradientOptions{Tokens: 8}); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("gemma2: %v", err)
	}
	g := gradients(t, "llama", GradientOptions{})
	if err := g.Add(context.Background(), c.Tokens[:4]); err == nil {
		t.Error("a window of another length was accepted")
	}
}

package infer

import (
	"math"
	"slices"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
)

// TestSteadyStateAllocatesNothing: once every buffer has its size, neither a step of generation nor a prompt makes
// garbage, whatever the types of the weights.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, name := range []string{"llama", "gemma2", "gpt-oss", "starcoder2", "qwen2-moe", "deepseek-v3", "lfm2", "afmoe",
		"gemma4", "gemma4-moe", "gemma3n", "qwen3-5", "apertus", "nanbeige"} {
		steady(t, checkpointtest.Load(t, name))
	}
}

// steadyAllocs is the allocations of a call once every worker has had every kind of task: on a busy machine one may
// wake for the first time while they are counted, so a count above zero is taken again.
func steadyAllocs(runs int, f func()) float64 {
	n := testing.AllocsPerRun(runs, f)
	for try := 0; n != 0 && try < 9; try++ {
		n = min(n, testing.AllocsPerRun(runs, f))
	}
	return n
}

func steady(t *testing.T, c *checkpointtest.Case) {
	pool := NewPool(2)
	defer pool.Close()
	for _, quantized := range []bool{false, true} {
		m := open(t, c)
		if quantized {
			requantize(t, m)
		}
		for _, set := range kernel.Available() {
			r, cache := NewRunner(pool, Options{Kernel: set}), m.NewCache(100)
			prompt, one := c.Tokens[:10], c.Tokens[:1]
			seqs := make([]Sequence, 1)
			run := func(s Sequence) {
				seqs[0] = s
				if _, err := r.Forward(m, seqs); err != nil {
					t.Fatal(err)
				}
			}
			step := func() { run(Sequence{Tokens: one, Cache: cache}) }
			alone := func() { run(Sequence{Tokens: prompt}) }
			for range 5 {
				alone()
				step()
			}
			if n := steadyAllocs(50, step); n != 0 {
				t.Errorf("%s on %s, quantized %v: %v allocations a token", c.Name, set.Name, quantized, n)
			}
			if n := steadyAllocs(10, alone); n != 0 {
				t.Errorf("%s on %s, quantized %v: %v allocations a prompt", c.Name, set.Name, quantized, n)
			}
		}
	}
}

// TestSetsAgree: the logits of whole models hardly depend on the set of kernels. Sums are taken in another order, so
// that now and then an activation is rounded to the next code; that moves logits by far less than quantizing does.
func TestSetsAgree(t *testing.T) {
	sets := kernel.Available()
	for _, name := range []string{"llama", "mistral", "qwen3", "gemma3", "mixtral", "gemma4", "gemma3n"} {
		c := checkpointtest.Load(t, name)
		m := open(t, c)
		for _, tolerance := range []float64{4e-6, 1e-2} { // relative RMS: float32 weights, then 8-bit activations
			want := forward(t, m, Options{Kernel: sets[0]}, 2, Sequence{Tokens: c.Tokens})
			for _, set := range sets[1:] {
				got := forward(t, m, Options{Kernel: set}, 2, Sequence{Tokens: c.Tokens})
				if e := relativeRMS(got, want); !(e <= tolerance*slack(name)) {
					t.Errorf("%s on %s: differs from generic by %.1e, more than %.0e", name, set.Name, e, tolerance)
				} else {
					t.Logf("%s on %s: %.1e", name, set.Name, e)
				}
			}
			requantize(t, m)
		}
	}
}

// relativeRMS is |got-want| / |want|.
func relativeRMS(got, want []float32) float64 {
	var diff, size float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		diff, size = diff+d*d, size+float64(w)*float64(w)
	}
	return math.Sqrt(diff / size)
}

// TestRoundActivations: with rounded activations a model of BF16 weights differs, but little.
func TestRoundActivations(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	m := open(t, c)
	if typ := m.layers[0][0].mixer.(*gqa).q.Type; typ != formats.BF16 {
		t.Fatalf("the case has weights of type %s", typ)
	}
	exact := slices.Clone(forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}))
	m.RoundActivations()
	if e := relativeRMS(forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}), exact); !(e > 1e-5 && e < 2e-2) {
		t.Errorf("rounding changes logits by %.1e", e)
	}
}

// TestBF16Inputs: a model with rounded inputs differs as little, and leaves the original as it was.
func TestBF16Inputs(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	m := open(t, c)
	run := func(m *Model) []float32 {
		return slices.Clone(forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}))
	}
	exact := run(m)
	rounded := run(m.WithBF16Inputs())
	if e := relativeRMS(rounded, exact); !(e > 1e-5 && e < 2e-2) {
		t.Errorf("rounding changes logits by %.1e", e)
	}
	if again := run(m); !slices.Equal(again, exact) {
		t.Error("the model itself has changed")
	}
}

package infer

import (
	"context"
	"errors"
	"slices"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
)

// TestLoadToRAM: a model in memory gives the same logits as from its map. Those of a prompt are equal to the last bit,
// as the tiles are the same; those of single tokens nearly, as their sums are taken in another order.
func TestLoadToRAM(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	for _, name := range []string{"llama", "gemma2", "mixtral", "phi3", "deepseek-v2"} {
		c := checkpointtest.Load(t, name)
		for _, set := range kernel.Available() {
			m, o := open(t, c), Options{Kernel: set}
			quantized := name != "deepseek-v2" // whose rows are too short
			typ := scales[0].typ
			if quantized {
				requantize(t, m)
			} else {
				m.RoundActivations()
				typ = formats.BF16
			}
			prompt := slices.Clone(forward(t, m, o, 2, Sequence{Tokens: c.Tokens}))
			single := pieces(t, m, o, c.Tokens, 1)
			var done, total int64
			for range 2 { // the second time there is nothing to do
				if err := m.LoadToRAM(t.Context(), pool, set, func(d, n int64) { done, total = d, n }); err != nil {
					t.Fatal(err)
				}
			}
			if done == 0 || done > total || total-done > 64*1000 {
				t.Errorf("%s: %d of %d bytes were moved", name, done, total)
			}
			repacked := 0
			m.each(func(w *Linear) {
				if w.Repacked {
					repacked++
				}
			})
			if (repacked > 0) != set.WantsRepacked(kernel.Matrix{Type: typ, Rows: 16, Cols: 256}) {
				t.Errorf("%s on %s: %d repacked matrices", name, set.Name, repacked)
			}
			near(t, name+" on "+set.Name, forward(t, m, o, 2, Sequence{Tokens: c.Tokens}), prompt, 0)
			if e := relativeRMS(pieces(t, m, o, c.Tokens, 1), single); !(e <= 1e-2) {
				t.Errorf("%s on %s: single tokens differ by %.1e", name, set.Name, e)
			}
			cache, r := m.NewCache(100), NewRunner(pool, o)
			seqs := []Sequence{{Tokens: c.Tokens[:1], Cache: cache}}
			step := func() {
				if _, err := r.Forward(m, seqs); err != nil {
					t.Fatal(err)
				}
			}
			step()
			step()
			if n := steadyAllocs(20, step); n != 0 && set.Name != "generic" && name == "llama" {
				t.Errorf("%s on %s: %v allocations a token", name, set.Name, n)
			}
			m.Close()
		}
	}
}

// TestLoadToRAMInterrupted: loading stops between two matrices, and the model runs as before.
func TestLoadToRAMInterrupted(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	c := checkpointtest.Load(t, "llama")
	m := open(t, c)
	requantize(t, m)
	want := slices.Clone(forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}))
	ctx, cancel := context.WithCancel(t.Context())
	moved := 0
	err := m.LoadToRAM(ctx, pool, kernel.Best(), func(int64, int64) {
		if moved++; moved == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || moved != 3 || m.memory != nil {
		t.Fatalf("%v after %d matrices", err, moved)
	}
	near(t, "in its map", forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}), want, 0)
	if err := m.LoadToRAM(t.Context(), pool, kernel.Best(), nil); err != nil {
		t.Fatal(err)
	}
	m.Close()
}

// TestLoadToRAMWithoutMemory: the model stays as it is, and runs.
func TestLoadToRAMWithoutMemory(t *testing.T) {
	defer func(f func() (int64, bool)) { available = f }(available)
	available = func() (int64, bool) { return 1 << 20, true }
	pool := NewPool(2)
	defer pool.Close()
	c := checkpointtest.Load(t, "llama")
	m := open(t, c)
	want := slices.Clone(forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}))
	if err := m.LoadToRAM(t.Context(), pool, kernel.Best(), nil); !errors.Is(err, ErrMemory) {
		t.Fatalf("%v", err)
	}
	near(t, "in its map", forward(t, m, Options{}, 2, Sequence{Tokens: c.Tokens}), want, 0)
	m.Close()
}

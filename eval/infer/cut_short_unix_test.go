//go:build linux || darwin || freebsd

package infer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/file"
)

// mapWeights moves the matrices of a model to a file that is mapped, each at the start of a page, and returns it.
func mapWeights(t *testing.T, m *Model) *file.Mapped {
	t.Helper()
	page := os.Getpagesize()
	var data []byte
	place := func(f func(w *Linear, from, to int)) {
		at := 0
		m.each(func(w *Linear) {
			f(w, at, at+len(w.Data))
			at += (len(w.Data) + page - 1) / page * page
		})
	}
	place(func(w *Linear, from, to int) {
		data = append(append(data, make([]byte, from-len(data))...), w.Data...)
	})
	path := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	weights, err := file.Map(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		weights.Close()
		file.WereUnchanged()
	})
	place(func(w *Linear, from, to int) { w.Data = weights.Data[from:to:to] })
	return weights
}

// TestWeightsCutShort: a file of weights that is cut short ends a pass with an error that names it, on every set of
// kernels, whichever worker comes upon it; the pool goes on.
func TestWeightsCutShort(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	for _, quantized := range []bool{false, true} {
		for _, set := range kernel.Available() {
			for _, workers := range []int{1, 3} {
				for _, tokens := range [][]int32{c.Tokens, c.Tokens[:1]} {
					m := open(t, c)
					if quantized {
						requantize(t, m)
					}
					weights := mapWeights(t, m)
					pool := NewPool(workers)
					r := NewRunner(pool, Options{Kernel: set})
					pass := func() error {
						_, err := r.Forward(m, []Sequence{{Tokens: tokens}})
						return err
					}
					if err := file.Guard(pass); err != nil {
						t.Fatal(err)
					}
					if err := os.Truncate(weights.Path, 0); err != nil {
						t.Fatal(err)
					}
					err := file.Guard(pass)
					if !errors.Is(err, file.ErrChanged) || !strings.HasPrefix(err.Error(), weights.Path) {
						t.Errorf("%s, quantized %t, %d workers, %d tokens: %v", set.Name, quantized, workers, len(tokens), err)
					}
					done := make([]bool, 50)
					pool.Run(len(done), func(_, task int) { done[task] = true })
					for i := range done {
						if !done[i] {
							t.Errorf("%s: task %d of the next loop did not run", set.Name, i)
						}
					}
					pool.Close()
				}
			}
		}
	}
}

// A panic of another kind is not taken for a fault of a file.
func TestPoolPanics(t *testing.T) {
	pool := NewPool(1)
	defer pool.Close()
	defer func() {
		if p := recover(); p != any(formats.ErrCorrupt) {
			t.Errorf("recovered %v", p)
		}
	}()
	pool.Run(3, func(_, task int) { panic(formats.ErrCorrupt) })
}

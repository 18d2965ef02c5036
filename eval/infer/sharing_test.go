package infer

import (
	"slices"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// TestLayersThatShare: layers that share keys and values run together with the layers that have them, and are refused
// without; several residual streams are refused.
func TestLayersThatShare(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	r := NewRunner(pool, Options{})
	c := checkpointtest.Load(t, "gemma4")
	m := open(t, c)
	seqs := []Sequence{{Tokens: c.Tokens[:20]}, {Tokens: c.Tokens[11:]}}
	run := func(x []float32, from, to int) []float32 {
		t.Helper()
		x, err := r.Layers(m, seqs, x, from, to)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(x)
	}
	want := run(nil, 0, 4)
	near(t, "from the embedding", run(run(nil, 0, 0), 0, 4), want, 0)
	if _, err := r.Layers(m, seqs, run(nil, 0, 1), 1, 3); err == nil || !strings.Contains(err.Error(), "layer 2") {
		t.Errorf("layers 1 and 2: %v", err)
	}
	x, err := r.Layers(m, seqs, run(nil, 0, 2), 1, 2) // neither shares
	if err != nil || len(x) != len(want) {
		t.Errorf("layer 1 alone: %v", err)
	}
	streams := checkpointtest.Load(t, "gemma3n")
	if _, err := r.Layers(open(t, streams), seqs, nil, 0, 1); err == nil || !strings.Contains(err.Error(), "4 residual") {
		t.Errorf("several streams: %v", err)
	}
}

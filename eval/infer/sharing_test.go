package infer

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/kernel"
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

// headsOf splits rows into heads, normalized with gains, or with ones.
func headsOf(rows [][]float64, dims int, gain []float32) (heads [][][]float64) {
	for _, row := range rows {
		var all [][]float64
		for head := range slices.Chunk(row, dims) {
			all = append(all, rmsNorm(head, gain, 1e-5))
		}
		heads = append(heads, all)
	}
	return heads
}

// attended is softmax(scale*q·k)·v for every token and head, within the window.
func attended(a *attention, q, k, v [][][]float64) (out [][]float64) {
	for t := range q {
		var row []float64
		for h, head := range q[t] {
			group := h * a.kvHeads / a.heads
			first := 0
			if a.window > 0 {
				first = max(0, t-a.window+1)
			}
			sum, total := make([]float64, a.dims), 0.0
			for s := first; s <= t; s++ {
				score := 0.0
				for i := range head {
					score += head[i] * k[s][group][i]
				}
				p := math.Exp(score * float64(a.scale))
				total += p
				for i := range sum {
					sum[i] += p * v[s][group][i]
				}
			}
			for i := range sum {
				row = append(row, sum[i]/total)
			}
		}
		out = append(out, row)
	}
	return out
}

// sharingModel has two layers of attention, one with a window, and two that share their keys and values.
func sharingModel(rng *rand.Rand, width, heads, kvHeads, dims, window int, keysOnly bool) *Model {
	m := &Model{embedding: randomLinear(rng, "embedding", 11, width).Matrix}
	m.Config.Width, m.Config.Vocab, m.Config.NormEps = width, 11, 1e-5
	m.output = Linear{Matrix: m.embedding}
	ones := slices.Repeat([]float32{1}, dims)
	for i := range 4 {
		a := attention{heads: heads, kvHeads: kvHeads, dims: dims, rope: noRope, scale: 0.3, vNorm: ones,
			qNorm: randomFloats(rng, dims), kNorm: randomFloats(rng, dims)}
		if i%2 == 0 {
			a.window = window
		}
		b := branch{norm: norm{gain: randomFloats(rng, width)}}
		q, o := randomLinear(rng, "q", heads*dims, width), randomLinear(rng, "o", width, heads*dims)
		if i < 2 {
			g := &gqa{attention: a, q: q, o: o, k: randomLinear(rng, "k", kvHeads*dims, width)}
			if g.kept = true; !keysOnly {
				g.v = randomLinear(rng, "v", kvHeads*dims, width)
			}
			b.mixer = g
		} else {
			b.mixer = &sharing{heads: a, of: m.layers[i-2][0].mixer.(*gqa), layer: i - 2, q: q, o: o}
		}
		m.layers = append(m.layers, layer{b})
	}
	m.placeStates()
	return m
}

// sharingByDefinition computes the logits of all tokens.
func sharingByDefinition(m *Model, tokens []int32) (logits []float64) {
	width := m.Config.Width
	var x [][]float64
	for _, t := range tokens {
		row := make([]float64, width)
		for i := range row {
			row[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(m.output.Data[4*(int(t)*width+i):])))
		}
		x = append(x, row)
	}
	times := func(w *Linear, rows [][]float64) (out [][]float64) {
		for _, row := range rows {
			out = append(out, w.times(row))
		}
		return out
	}
	var keys, values [][][][]float64 // of the first two layers
	for i, l := range m.layers {
		var in, out [][]float64
		for _, row := range x {
			in = append(in, rmsNorm(row, l[0].norm.gain, 1e-5))
		}
		switch b := l[0].mixer.(type) {
		case *gqa:
			k, v := times(&b.k, in), times(&b.k, in)
			if b.v.Rows > 0 {
				v = times(&b.v, in)
			}
			keys, values = append(keys, headsOf(k, b.dims, b.kNorm)), append(values, headsOf(v, b.dims, b.vNorm))
			out = times(&b.o, attended(&b.attention, headsOf(times(&b.q, in), b.dims, b.qNorm), keys[i], values[i]))
		case *sharing:
			a := &b.heads
			out = times(&b.o, attended(a, headsOf(times(&b.q, in), a.dims, a.qNorm), keys[b.layer], values[b.layer]))
		}
		for t := range x {
			for c := range x[t] {
				x[t][c] += out[t][c]
			}
		}
	}
	for _, row := range x {
		logits = append(logits, m.output.times(row)...)
	}
	return logits
}

// TestSharing compares layers that share keys and values with the definition, also where keys are the values, on every
// kernel set and in all ways to run a text.
func TestSharing(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	for _, c := range []struct{ width, heads, kvHeads, dims, window, tokens int }{
		{32, 4, 2, 16, 5, 40}, {37, 3, 1, 10, 0, 19}, {48, 6, 3, 8, 17, 50}, {64, 2, 2, 40, 3, 33},
	} {
		for _, keysOnly := range []bool{false, true} {
			rng := rand.New(rand.NewPCG(10, uint64(c.width)))
			m := sharingModel(rng, c.width, c.heads, c.kvHeads, c.dims, c.window, keysOnly)
			tokens := make([]int32, c.tokens)
			for i := range tokens {
				tokens[i] = int32(rng.IntN(11))
			}
			want := sharingByDefinition(m, tokens)
			for _, set := range kernel.Available() {
				checkWays(t, fmt.Sprintf("%+v, keys as values %v, %s", c, keysOnly, set.Name), m, pool, set, tokens, want)
			}
		}
	}
}

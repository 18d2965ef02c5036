package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/kernel"
)

// TestAttention compares with the definition in float64 over several blocks of keys: shared heads, windows inside and
// across blocks, head dimensions that do not fill a panel, earlier tokens, several sequences. The bits must be the same
// however the queries are divided into passes, on any number of workers.
func TestAttention(t *testing.T) {
	for _, c := range []struct{ heads, kvHeads, dims, window, n int }{
		{4, 2, 16, 0, 300}, {3, 3, 8, 0, 257}, {6, 1, 20, 0, 140}, {4, 2, 16, 5, 300}, {4, 4, 32, 128, 300}, {14, 2, 8, 0, 150},
		{2, 1, 24, 200, 400}, {64, 1, 4, 1, 130}, {2, 1, 8, 0, 1100}, {2, 2, 4, 40, 1050}, {3, 1, 4, 600, 1200},
	} {
		rng := rand.New(rand.NewPCG(uint64(c.n), 0))
		m := attentionModel(c.heads, c.kvHeads, c.dims, c.window)
		normal := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(2 * rng.NormFloat64())
			}
			return x
		}
		q, k, v := normal(c.n*c.heads*c.dims), normal(c.n*c.kvHeads*c.dims), normal(c.n*c.kvHeads*c.dims)
		want := attentionByDefinition(m, q, k, v, c.n)
		for _, set := range kernel.Available() {
			what := fmt.Sprintf("%+v on %s", c, set.Name)
			whole := attentionInPieces(t, m, set, 1, q, k, v, c.n)
			worst := 0.0
			for i, w := range want {
				worst = max(worst, math.Abs(float64(whole[i])-w))
			}
			if !(worst < 1e-5) {
				t.Errorf("%s: differs by %g", what, worst)
			}
			for _, cuts := range [][]int{{1}, {129, 1}, {17, 100, 3}} {
				if got := attentionInPieces(t, m, set, 3, q, k, v, cuts...); !slices.Equal(got, whole) {
					t.Errorf("%s: in pieces of %v not the same", what, cuts)
				}
			}
			near(t, what+", without a cache", attentionAlone(t, m, set, q, k, v, c.n), whole, 0)
		}
	}
}

// attentionModel has one layer, of attention alone and without weights.
func attentionModel(heads, kvHeads, dims, window int) *Model {
	a := attention{heads: heads, kvHeads: kvHeads, dims: dims, window: window, rope: noRope}
	a.scale = float32(1 / math.Sqrt(float64(dims)))
	m := &Model{layers: []layer{{{mixer: &gqa{attention: a}}}}, embedding: kernel.Matrix{Rows: 1}}
	m.placeStates()
	return m
}

func attentionOfModel(m *Model) *attention { return &m.layers[0][0].mixer.(*gqa).attention }

// attentionByDefinition is softmax(q·k/sqrt(dims))·v over the keys that a query sees.
func attentionByDefinition(m *Model, q, k, v []float32, n int) []float64 {
	a := attentionOfModel(m)
	heads, kvHeads, dims, window := a.heads, a.kvHeads, a.dims, a.window
	out := make([]float64, n*heads*dims)
	for t := range n {
		first := 0
		if window > 0 {
			first = max(0, t-window+1)
		}
		for h := range heads {
			row := (t*heads + h) * dims
			at := func(s int) int { return (s*kvHeads + h*kvHeads/heads) * dims }
			var scores []float64
			for s := first; s <= t; s++ {
				sum := 0.0
				for d := range dims {
					sum += float64(q[row+d]) * float64(k[at(s)+d])
				}
				scores = append(scores, sum/math.Sqrt(float64(dims)))
			}
			top, total := slices.Max(scores), 0.0
			for i := range scores {
				scores[i] = math.Exp(scores[i] - top)
				total += scores[i]
			}
			for i, p := range scores {
				for d := range dims {
					out[row+d] += p / total * float64(v[at(first+i)+d])
				}
			}
		}
	}
	return out
}

// attentionInPieces feeds the tokens through a cache, in pieces of the given sizes, over and over.
func attentionInPieces(
	t *testing.T, m *Model, set *kernel.Set, workers int, q, k, v []float32, sizes ...int) []float32 {
	pool := NewPool(workers)
	defer pool.Close()
	a := attentionOfModel(m)
	n := len(q) / (a.heads * a.dims)
	r, cache := NewRunner(pool, Options{Kernel: set}), m.NewCache(n)
	var out []float32
	for i := 0; cache.length < n; i++ {
		some := min(sizes[i%len(sizes)], n-cache.length)
		out = append(out, attentionOf(t, r, m, q, k, v, Sequence{Tokens: make([]int32, some), Cache: cache})...)
		cache.length += some
	}
	return out
}

// attentionAlone runs all tokens without a cache, after another sequence of one token.
func attentionAlone(t *testing.T, m *Model, set *kernel.Set, q, k, v []float32, n int) []float32 {
	pool := NewPool(2)
	defer pool.Close()
	a := attentionOfModel(m)
	width, kvWidth := a.heads*a.dims, a.kvHeads*a.dims
	front := func(x []float32, w int) []float32 { return append(slices.Clone(x[:w]), x...) }
	out := attentionOf(t, NewRunner(pool, Options{Kernel: set}), m, front(q, width), front(k, kvWidth), front(v, kvWidth),
		Sequence{Tokens: make([]int32, 1)}, Sequence{Tokens: make([]int32, n)})
	return out[width:]
}

// attentionOf runs the sequences' tokens; q, k and v begin with what the first one's cache holds.
func attentionOf(t *testing.T, r *Runner, m *Model, q, k, v []float32, seqs ...Sequence) []float32 {
	t.Helper()
	p, a := &r.pass, attentionOfModel(m)
	if err := p.begin(m, seqs); err != nil {
		t.Fatal(err)
	}
	past := p.spans[0].past
	width, kvWidth := a.heads*a.dims, a.kvHeads*a.dims
	out := make([]float32, p.n*width)
	p.store(a, slices.Clone(k[past*kvWidth:][:p.n*kvWidth]), v[past*kvWidth:][:p.n*kvWidth])
	p.attend(a, out, q[past*width:][:p.n*width])
	return out
}

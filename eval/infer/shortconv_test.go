package infer

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/kernel"
)

// withBias gives a matrix a random bias.
func (w Linear) withBias(rng *rand.Rand) Linear {
	for range w.Rows {
		w.bias = append(w.bias, float32(rng.NormFloat64()))
	}
	return w
}

// timesPlus is W·x + b in float64.
func (w *Linear) timesPlus(x []float64) []float64 {
	y := w.times(x)
	for i, b := range w.bias {
		y[i] += float64(b)
	}
	return y
}

// byDefinition adds the short convolution of rows x to them.
func (s *shortConv) byDefinition(x []float64) []float64 {
	var gated, by []float64
	for row := range slices.Chunk(x, s.width) {
		parts := s.in.timesPlus(row)
		for i := range s.width {
			gated = append(gated, parts[i]*parts[2*s.width+i])
			by = append(by, parts[s.width+i])
		}
	}
	sum := slices.Clone(x)
	for at, y := range s.conv.byDefinition(gated) {
		by[at] *= y
	}
	for at := 0; at < len(sum); at += s.width {
		for i, v := range s.out.timesPlus(by[at : at+s.width]) {
			sum[at+i] += v
		}
	}
	return sum
}

// TestShortConv compares layers of short convolutions alone with the definition: prompts at once, in pieces and token
// by token, only their last rows, beside another sequence, and again after Reset.
func TestShortConv(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	sizes := []struct{ width, taps, tokens int }{{7, 1, 5}, {37, 2, 19}, {150, 3, 50}, {64, 5, 33}, {260, 4, 70}}
	for _, size := range sizes {
		for _, bias := range []bool{false, true} {
			rng := rand.New(rand.NewPCG(6, uint64(size.width)))
			m := &Model{embedding: randomLinear(rng, "embedding", 11, size.width).Matrix}
			m.Config.Width, m.Config.Vocab = size.width, 11
			m.output = Linear{Matrix: m.embedding}
			var want []float64
			for range 2 {
				s := &shortConv{conv: newConv(rng, size.width, size.taps, bias),
					in: randomLinear(rng, "in", 3*size.width, size.width), out: randomLinear(rng, "out", size.width, size.width)}
				if bias {
					s.in, s.out = s.in.withBias(rng), s.out.withBias(rng)
				}
				m.layers = append(m.layers, layer{{mixer: s}})
			}
			m.placeStates()
			tokens := make([]int32, size.tokens)
			for i := range tokens {
				tokens[i] = int32(rng.IntN(11))
				row := m.output.Data[4*size.width*int(tokens[i]):]
				for c := range size.width {
					want = append(want, float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*c:]))))
				}
			}
			for _, l := range m.layers {
				want = l[0].mixer.(*shortConv).byDefinition(want)
			}
			var logits []float64
			for row := range slices.Chunk(want, size.width) {
				logits = append(logits, m.output.times(row)...)
			}
			for _, set := range kernel.Available() {
				checkShortConv(t, fmt.Sprintf("%+v, bias %v, %s", size, bias, set.Name), m, pool, set, tokens, logits)
			}
		}
	}
}

func checkShortConv(t *testing.T, what string, m *Model, pool *Pool, set *kernel.Set, tokens []int32, want []float64) {
	t.Helper()
	states := int64(0)
	for _, x := range m.stateful {
		states += 4 * int64(x.(*shortConv).window())
	}
	if n := m.NewCache(2 * len(tokens)).Bytes(); n != states {
		t.Errorf("%s: a cache of %d bytes, want %d", what, n, states)
	}
	checkWays(t, what, m, pool, set, tokens, want)
}

// checkWays compares the logits of a model with 11 tokens with those wanted: of a prompt at once, in pieces and token
// by token, of its last rows, beside another sequence, and again after Reset. Steady decode allocates nothing.
func checkWays(t *testing.T, what string, m *Model, pool *Pool, set *kernel.Set, tokens []int32, want []float64) {
	t.Helper()
	r, cache, n := NewRunner(pool, Options{Kernel: set}), m.NewCache(2*len(tokens)), len(tokens)
	check := func(how string, want []float64, seqs ...Sequence) {
		t.Helper()
		got, err := r.Forward(m, seqs)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range want {
			if !(math.Abs(float64(got[i])-v) < 1e-4*max(1, math.Abs(v))) {
				t.Fatalf("%s, %s: logit %d of token %d is %g, want %g", what, how, i%11, i/11, got[i], v)
			}
		}
	}
	check("at once", want, Sequence{Tokens: tokens})
	last := want[(n-3)*11:]
	check("its last rows", last, Sequence{Tokens: tokens, LogitsFrom: n - 3})
	check("behind another", last, Sequence{Tokens: tokens[1:], LogitsFrom: n}, Sequence{Tokens: tokens, LogitsFrom: n - 3})
	for _, step := range []int{1, 2, 17} {
		for at := 0; at < n; at += step {
			end := min(at+step, n)
			check(fmt.Sprintf("in pieces of %d", step), want[at*11:end*11], Sequence{Tokens: tokens[at:end], Cache: cache})
		}
		cache.Reset()
	}
	seqs := []Sequence{{Tokens: tokens[:1], Cache: cache}}
	if a := steadyAllocs(5, func() { cache.length = 0; check("steady", nil, seqs...) }); a != 0 {
		t.Errorf("%s: %v allocations a token", what, a)
	}
}

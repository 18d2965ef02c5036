package infer

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/checkpointtest"
)

// scales are the offsets of the 16-bit scales in a block of a type, and their size for weights around 0.05.
var scales = []struct {
	typ   formats.Type
	at    []int
	value float32
}{
	{formats.Q4_K, []int{0, 2}, 0.0002},
	{formats.Q8_0, []int{0}, 0.0008},
	{formats.Q5_1, []int{0, 2}, 0.004},
	{formats.Q6_K, []int{208}, 0.00003},
	{formats.Q4_0, []int{0}, 0.012},
	{formats.Q3_K, []int{108}, 0.0015},
	{formats.Q5_K, []int{0, 2}, 0.0001},
	{formats.Q2_K, []int{80, 82}, 0.004},
}

// requantize gives the layers' matrices random blocks of quantized types, one type after another. Rows that are not
// whole blocks become Q8_0, or stay.
func requantize(t *testing.T, m *Model) {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 0))
	place := map[string]int{} // experts of one tensor have one type
	m.each(func(w *Linear) {
		if _, ok := place[w.Name]; !ok {
			place[w.Name] = len(place)
		}
		s := scales[place[w.Name]%len(scales)]
		info, ok := s.typ.Info()
		if !ok {
			t.Fatal(s.typ)
		}
		if w.Cols%info.Block != 0 {
			s = scales[1]
			info, _ = s.typ.Info()
		}
		if w.Cols%info.Block != 0 {
			return
		}
		data := make([]byte, w.Rows*w.Cols/info.Block*info.Bytes)
		for b := range data {
			data[b] = byte(rng.Uint32())
		}
		for b := 0; b < len(data); b += info.Bytes {
			for _, at := range s.at {
				binary.LittleEndian.PutUint16(data[b+at:], block.F16(s.value*(0.5+rng.Float32())))
			}
		}
		form, err := kernel.FormOf(s.typ)
		if err != nil {
			t.Fatal(err)
		}
		w.Matrix, w.form = kernel.Matrix{Type: s.typ, Rows: w.Rows, Cols: w.Cols, Data: data}, form
	})
}

// TestBatchingKeepsEveryBit: activations are rounded token by token, so quantized products of a token are the same
// whatever else is in the batch: fed in pieces through a cache, among other sequences, on any number of threads. With
// float32 products the same holds, as each sum is taken in one order. Only up to eight tokens at once are multiplied
// in another way, with sums in another order: then now and then an activation is rounded to the next code (see
// TestSetsAgree).
func TestBatchingKeepsEveryBit(t *testing.T) {
	for _, name := range []string{"llama", "mistral", "qwen3", "gemma2", "gemma4", "gemma3n"} {
		c := checkpointtest.Load(t, name)
		m := open(t, c)
		requantize(t, m)
		for _, set := range kernel.Available() {
			o, tokens, vocab := Options{Kernel: set}, c.Tokens, m.Config.Vocab
			what := name + " on " + set.Name + ": "
			want := slices.Clone(forward(t, m, o, 1, Sequence{Tokens: tokens}))
			for _, threads := range []int{2, 3, 7} {
				near(t, what+"threads", forward(t, m, o, threads, Sequence{Tokens: tokens}), want, 0)
			}
			several := slices.Concat(want[:vocab], want[40*vocab:41*vocab], want[vocab:33*vocab], want)
			near(t, what+"several sequences", forward(t, m, o, 2,
				Sequence{Tokens: tokens[:1]},
				Sequence{},
				Sequence{Tokens: tokens[:41], LogitsFrom: 40},
				Sequence{Tokens: tokens[:9], LogitsFrom: 9},
				Sequence{Tokens: tokens[:9], LogitsFrom: 99},
				Sequence{Tokens: tokens[:33], LogitsFrom: 1},
				Sequence{Tokens: tokens},
			), several, 0)
			for _, step := range []int{12, 16, 38} {
				near(t, what+"pieces", pieces(t, m, o, tokens, step), want, 0)
			}
			for _, step := range []int{1, 3, 8, 47} {
				if e := relativeRMS(pieces(t, m, o, tokens, step), want); !(e <= 1e-2*slack(name)) {
					t.Errorf("%spieces of %d: differ by %.1e", what, step, e)
				}
			}
		}
	}
}

// pieces runs tokens step by step through a cache.
func pieces(t *testing.T, m *Model, o Options, tokens []int32, step int) (logits []float32) {
	t.Helper()
	pool := NewPool(2)
	defer pool.Close()
	r, cache := NewRunner(pool, o), m.NewCache(len(tokens))
	for piece := range slices.Chunk(tokens, step) {
		l, err := r.Forward(m, []Sequence{{Tokens: piece, Cache: cache}})
		if err != nil {
			t.Fatal(err)
		}
		logits = append(logits, l...)
	}
	return logits
}

// TestRefusedSequences: mistakes of the caller are errors; empty batches and sequences are not mistakes.
func TestRefusedSequences(t *testing.T) {
	c := checkpointtest.Load(t, "llama")
	m, other := open(t, c), open(t, c)
	pool := NewPool(2)
	defer pool.Close()
	r := NewRunner(pool, Options{})
	cache := m.NewCache(4)
	for _, tt := range []struct {
		seqs []Sequence
		says string // "": no error, no logits
	}{
		{nil, ""},
		{[]Sequence{{}, {Cache: m.NewCache(0)}}, ""},
		{[]Sequence{{Tokens: c.Tokens, LogitsFrom: len(c.Tokens)}}, ""},
		{[]Sequence{{Tokens: c.Tokens, LogitsFrom: -1}}, "from token -1"},
		{[]Sequence{{Tokens: c.Tokens[:2], Cache: other.NewCache(4)}}, "another model"},
		{[]Sequence{{Tokens: c.Tokens[:2], Cache: cache}, {Tokens: c.Tokens[:2], Cache: cache}},
			"sequence 1: another sequence has the same cache"},
		{[]Sequence{{Tokens: c.Tokens[:5], Cache: cache}}, "needs 5 positions, its cache has 4"},
		{[]Sequence{{Tokens: []int32{-1}}}, "outside the vocabulary"},
	} {
		logits, err := r.Forward(m, tt.seqs)
		switch {
		case tt.says == "" && (err != nil || len(logits) != 0):
			t.Errorf("%d logits, %v", len(logits), err)
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%v, want %q", err, tt.says)
		}
	}
	if cache.length != 0 {
		t.Errorf("a refused pass left %d positions in the cache", cache.length)
	}
}

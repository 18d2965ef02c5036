package infer

import (
	"fmt"
	"os"
	"testing"
	"time"

	"bitmill/formats/checkpoint"
)

// The benchmarks run the model that BITMILL_BENCH_MODEL names, on two threads: a prompt of 512 tokens, and single
// tokens behind 256 others, with rounded activations; and, with exact ones, four windows of evaluation in one pass.
func benchModel(b *testing.B) *Model {
	path := os.Getenv("BITMILL_BENCH_MODEL")
	if path == "" {
		b.Skip("BITMILL_BENCH_MODEL names no model")
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	m, err := Load(c)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func benchTokens(m *Model, n int) []int32 {
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32((i*7919 + 13) % m.Config.Vocab)
	}
	return tokens
}

func BenchmarkPrompt(b *testing.B) {
	m := benchModel(b)
	m.RoundActivations()
	pool := NewPool(2)
	defer pool.Close()
	r, cache, tokens := NewRunner(pool, Options{}), m.NewCache(512), benchTokens(m, 512)
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		cache.Reset()
		if _, err := r.Forward(m, []Sequence{{Tokens: tokens, Cache: cache, LogitsFrom: len(tokens) - 1}}); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(len(tokens))/best.Seconds(), "best-tokens/s")
}

func BenchmarkWindows(b *testing.B) {
	m := benchModel(b)
	pool := NewPool(2)
	defer pool.Close()
	r, tokens := NewRunner(pool, Options{}), benchTokens(m, 2048)
	seqs := make([]Sequence, 4)
	for i := range seqs {
		seqs[i] = Sequence{Tokens: tokens[512*i:][:512], LogitsFrom: 511}
	}
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		if _, err := r.Forward(m, seqs); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(len(tokens))/best.Seconds(), "best-tokens/s")
}

func BenchmarkDecode(b *testing.B) {
	m := benchModel(b)
	m.RoundActivations()
	pool := NewPool(2)
	defer pool.Close()
	r, cache, tokens := NewRunner(pool, Options{}), m.NewCache(512), benchTokens(m, 512)
	best := time.Hour
	for b.Loop() {
		if cache.length == cache.capacity || cache.length == 0 {
			cache.Reset()
			if _, err := r.Forward(m, []Sequence{{Tokens: tokens[:256], Cache: cache, LogitsFrom: 256}}); err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		if _, err := r.Forward(m, []Sequence{{Tokens: tokens[cache.length : cache.length+1], Cache: cache}}); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(1/best.Seconds(), "best-tokens/s")
}

// BenchmarkAttention is one layer's attention alone: prompts, and one token behind a long past.
func BenchmarkAttention(b *testing.B) {
	for _, shape := range []struct{ heads, kvHeads, dims, n, past int }{
		{8, 4, 64, 512, 0}, {32, 8, 64, 512, 0}, {32, 8, 128, 512, 0}, {9, 3, 64, 512, 0}, {8, 8, 64, 2048, 0},
		{32, 8, 128, 1, 1024}, {8, 8, 64, 1, 256}, {9, 3, 64, 1, 256},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d/%d+%d", shape.heads, shape.kvHeads, shape.dims, shape.past, shape.n), func(b *testing.B) {
			m := attentionModel(shape.heads, shape.kvHeads, shape.dims, 0)
			pool := NewPool(2)
			defer pool.Close()
			r, cache := NewRunner(pool, Options{}), m.NewCache(shape.past+shape.n)
			cache.length = shape.past
			p := &r.pass
			if err := p.begin(m, []Sequence{{Tokens: make([]int32, shape.n), Cache: cache}}); err != nil {
				b.Fatal(err)
			}
			keys := cache.states[0].(*kv).keys
			for i := range keys {
				keys[i] = float32(i%17) / 17
			}
			q := make([]float32, shape.n*shape.heads*shape.dims)
			for i := range q {
				q[i] = float32(i%13)/13 - 0.5
			}
			out := make([]float32, len(q))
			p.recall(attentionOfModel(m))
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				p.attend(attentionOfModel(m), out, q)
				best = min(best, time.Since(start))
			}
			pairs := float64(shape.n) * (float64(shape.past) + float64(shape.n+1)/2) * float64(shape.heads)
			b.ReportMetric(4*pairs*float64(shape.dims)/best.Seconds()/1e9, "best-GOP/s")
			b.ReportMetric(float64(best.Microseconds()), "best-µs")
		})
	}
}

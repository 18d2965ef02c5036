package infer

import (
	"os"
	"testing"
	"time"

	"bitmill/formats/checkpoint"
)

// The benchmarks run the model that BITMILL_BENCH_MODEL names, on two threads: a prompt of 512 tokens, and single
// tokens behind 256 others.
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

func BenchmarkDecode(b *testing.B) {
	m := benchModel(b)
	pool := NewPool(2)
	defer pool.Close()
	r, cache, tokens := NewRunner(pool, Options{}), m.NewCache(512), benchTokens(m, 512)
	best := time.Hour
	for b.Loop() {
		if cache.Len() == cache.Cap() || cache.Len() == 0 {
			cache.Reset()
			if _, err := r.Forward(m, []Sequence{{Tokens: tokens[:256], Cache: cache, LogitsFrom: 256}}); err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		if _, err := r.Forward(m, []Sequence{{Tokens: tokens[cache.Len() : cache.Len()+1], Cache: cache}}); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(1/best.Seconds(), "best-tokens/s")
}

package gguf

import (
	"bytes"
	"fmt"
	"testing"

	"bitmill/formats"
)

// vocabulary is the metadata of a model with 128,000 tokens and as many merges, some 6 MB.
func vocabulary() *Metadata {
	const n = 128_000
	tokens, merges, scores, types := make([]string, n), make([]string, n), make([]float32, n), make([]int32, n)
	for i := range n {
		tokens[i] = fmt.Sprintf("Ġt%d", i)
		merges[i] = fmt.Sprintf("a%d b%d", i, i)
		scores[i], types[i] = float32(-i), 1
	}
	m := &Metadata{}
	m.Set("tokenizer.ggml.tokens", tokens)
	m.Set("tokenizer.ggml.scores", scores)
	m.Set("tokenizer.ggml.token_type", types)
	m.Set("tokenizer.ggml.merges", merges)
	return m
}

func BenchmarkParse(b *testing.B) {
	var w bytes.Buffer
	if _, err := WriteHeader(&w, vocabulary(), nil); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(w.Len()))
	b.ReportAllocs()
	for b.Loop() {
		mustParse(b, w.Bytes())
	}
}

func BenchmarkNewLayout(b *testing.B) {
	m, tensors := vocabulary(), make([]formats.Tensor, 300)
	for i := range tensors {
		tensors[i] = formats.Tensor{Name: fmt.Sprintf("blk.%d.weight", i), Type: formats.Q4_K, Shape: []int64{4096, 4096}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewLayout(m, tensors); err != nil {
			b.Fatal(err)
		}
	}
}

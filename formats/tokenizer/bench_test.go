package tokenizer

import (
	"os"
	"strings"
	"testing"
)

// BenchmarkEncode measures on the file BITMILL_TEXT names, or on a small text repeated. Cold: every word is new.
func BenchmarkEncode(b *testing.B) {
	text := strings.Repeat("The tokenizer's speed, in bytes per second, depends on how many different words a text has: 12 or 12000?\n\n", 2000)
	if path := os.Getenv("BITMILL_TEXT"); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		text = string(data)
	}
	for _, name := range []string{"llama-bpe", "qwen2", "gpt-2", "starcoder", "deepseek-llm"} {
		tok := reduced(b, name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(text, Options{})
			}
		})
		b.Run(name+"/cold", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			model := tok.model.(*bpe)
			for b.Loop() {
				fresh := *tok
				fresh.model = &bpe{stages: model.stages, byteID: model.byteID, merges: model.merges, words: model.words}
				fresh.Encode(text, Options{})
			}
		})
	}
}

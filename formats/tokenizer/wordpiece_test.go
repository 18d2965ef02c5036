package tokenizer

import (
	"slices"
	"testing"

	"bitmill/formats/gguf"
)

// TestLoneMark: where a lone ▁ is a token, a word that no other token begins starts with it, as in llama.cpp.
func TestLoneMark(t *testing.T) {
	m := &gguf.Metadata{}
	m.Set(keyModel, "bert")
	m.Set(keyTokens, []string{"[UNK]", "▁", "▁a", "b", ""})
	m.Set(keyUnk, uint32(0))
	tok, err := FromMetadata(m)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int32{"ab": {2, 3}, "b": {1, 3}, "c": {0}} {
		if got := tok.Encode(text, Options{NoSpecial: true}); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

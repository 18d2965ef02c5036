package tokenizer

import (
	"slices"
	"strings"
)

// named are the texts of all tokens that tokenizer_config.json calls special: those under keys that end in _token, and
// the lists of extra ones.
func (s *special) named() map[string]bool {
	texts := map[string]bool{}
	add := func(v any) {
		if entry, ok := v.(map[string]any); ok {
			v = entry["content"]
		}
		if text, ok := v.(string); ok {
			texts[text] = true
		}
	}
	for key, v := range s.config {
		if strings.HasSuffix(key, "_token") {
			add(v)
		}
	}
	for _, key := range []string{"additional_special_tokens", "extra_special_tokens"} {
		switch extra := s.config[key].(type) {
		case []any:
			for _, v := range extra {
				add(v)
			}
		case map[string]any:
			for _, v := range extra {
				add(v)
			}
		}
	}
	return texts
}

// namedTypes are the kinds of tokens as llama.cpp's converter writes them for Gemma 4 (gguf-py/gguf/vocab.py,
// LlamaHfVocab): special are those that tokenizer_config.json names, and added are only those behind the vocabulary.
func (f *jsonFile) namedTypes(t *Tokenizer) []int32 {
	types := t.types()
	base := len(f.vocab)
	for id, text := range t.tokens {
		kind := Normal
		switch {
		case id >= base && t.kinds[id] == Unused:
			kind = Unused
		case slices.Contains(f.dir.Shown, text):
			kind = UserDefined
		case t.kinds[id] == Byte:
			kind = Byte
		case f.named[text]:
			kind = Control
		case id >= base:
			kind = UserDefined
		}
		types[id] = int32(kind)
	}
	return types
}

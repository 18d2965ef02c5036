package tokenizer

import (
	"slices"

	"bitmill/formats/gguf"
)

// Keys of a GGUF vocabulary.
const (
	keyModel        = "tokenizer.ggml.model"
	keyPre          = "tokenizer.ggml.pre"
	keyTokens       = "tokenizer.ggml.tokens"
	keyTypes        = "tokenizer.ggml.token_type"
	keyScores       = "tokenizer.ggml.scores"
	keyMerges       = "tokenizer.ggml.merges"
	keyBOS          = "tokenizer.ggml.bos_token_id"
	keyEOS          = "tokenizer.ggml.eos_token_id"
	keyUnk          = "tokenizer.ggml.unknown_token_id"
	keySep          = "tokenizer.ggml.seperator_token_id" // GGUF's spelling
	keyPad          = "tokenizer.ggml.padding_token_id"
	keyAddBOS       = "tokenizer.ggml.add_bos_token"
	keyAddEOS       = "tokenizer.ggml.add_eos_token"
	keyAddPrefix    = "tokenizer.ggml.add_space_prefix"
	keyExtraSpaces  = "tokenizer.ggml.remove_extra_whitespaces"
	keyLowercase    = "tokenizer.ggml.normalizer.lowercase"
	keyStripAccents = "tokenizer.ggml.normalizer.strip_accents"
	keyCharsmap     = "tokenizer.ggml.precompiled_charsmap"
)

// idKeys are the keys of the special tokens' ids, by their names in tokenizer_config.json.
var idKeys = []named[string]{
	{"bos", keyBOS},
	{"eos", keyEOS},
	{"eom", "tokenizer.ggml.eom_token_id"},
	{"eot", "tokenizer.ggml.eot_token_id"},
	{"mask", "tokenizer.ggml.mask_token_id"},
	{"pad", keyPad},
	{"sep", keySep},
	{"unk", keyUnk},
}

// addKeys are the keys that say which special tokens are added to a text.
var addKeys = []named[string]{{"bos", keyAddBOS}, {"eos", keyAddEOS}, {"sep", "tokenizer.ggml.add_sep_token"}}

// AddMetadata sets the tokenizer.* keys in the order and with the types and values of llama.cpp's converter. vocab is
// the size of the model's vocabulary: where it is larger than the tokenizer's, unused tokens named [PAD<id>] fill it
// up; where it is smaller, which is the caller's error, all tokens are written. general.architecture in m decides
// whether tokenizer.ggml.add_space_prefix is written. A tokenizer from a GGUF file sets that file's keys.
func (t *Tokenizer) AddMetadata(m *gguf.Metadata, vocab int) {
	arch, _, _ := m.String("general.architecture") // one of another type does not count
	list := t.metadata
	if t.describe != nil {
		list = t.describe(arch)
	}
	for _, e := range list {
		switch v := e.value.(type) {
		case []string:
			if e.key == keyTokens && len(v) < vocab {
				v = padded(v, vocab, "")
				for id := len(e.value.([]string)); id < vocab; id++ {
					v[id] = padding(id)
				}
			}
			m.Set(e.key, v)
		case []int32:
			if e.key == keyTypes {
				v = padded(v, vocab, int32(Unused))
			}
			m.Set(e.key, v)
		case []float32:
			if e.key == keyScores {
				v = padded(v, vocab, -10000)
			}
			m.Set(e.key, v)
		default:
			m.Set(e.key, v)
		}
	}
}

// prefixArchitectures are the architectures whose converter copies add_prefix_space from tokenizer_config.json, sorted.
var prefixArchitectures = []string{"afmoe", "apertus", "arcee", "ernie4_5", "ernie4_5-moe", "granite", "granitemoe", "llama", "smollm3"}

// prefixBehind are those whose converter does so behind all other keys.
var prefixBehind = []string{"ernie4_5", "ernie4_5-moe"}

// padded is v filled up to n values.
func padded[T any](v []T, n int, with T) []T {
	if len(v) >= n {
		return v
	}
	v = slices.Clone(v)
	for len(v) < n {
		v = append(v, with)
	}
	return v
}

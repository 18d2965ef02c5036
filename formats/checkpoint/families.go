package checkpoint

import (
	"fmt"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// A family is one Hugging Face model_type: how its config.json reads, what its tensors are called on both sides, and
// what its GGUF metadata holds. To add one, write its file and add its line to families.
type family struct {
	Type string // model_type
	Arch string // GGUF architecture; the first family of an architecture describes its GGUF files
	Note string // what the family adds to the common decoder

	Context int // max_position_embeddings when config.json has none, as in transformers
	HeadDim int // head_dim when config.json has none; 0: hidden_size / num_attention_heads
	KVHeads int // num_key_value_heads when config.json does not name it; 0, and null: num_attention_heads
	Sliding int // sliding_window when config.json does not name it; 0, and null: none

	Layer       []name // tensors of a layer, without "model.layers.N." and "blk.N."
	Interleaved bool   // GGUF files rotate neighbouring pairs: the rows of Q and K are permuted

	Window   func(h *hfConfig, c *Config) // sets the sliding window from config.json; nil: there is none
	Metadata func(h *hfConfig, c *Config, m *gguf.Metadata)

	Vocabulary func(c *Checkpoint) // what the converter adds to the tokenizer's metadata; nil: nothing
}

// families is sorted by model_type.
var families = []*family{
	&llama,
	&mistral,
	&qwen2,
	&qwen3,
}

// familyOf finds a family by model_type.
func familyOf(modelType string) (*family, error) {
	var known []string
	for _, f := range families {
		if f.Type == modelType {
			return f, nil
		}
		known = append(known, f.Type)
	}
	return nil, fmt.Errorf("%w: model_type %q; bitmill knows %s", formats.ErrUnsupported, modelType, strings.Join(known, ", "))
}

// familyOfArch finds the family that describes GGUF files of an architecture.
func familyOfArch(arch string) (*family, error) {
	var known []string
	for _, f := range families {
		if f.Arch == arch {
			return f, nil
		}
		if len(known) == 0 || known[len(known)-1] != f.Arch {
			known = append(known, f.Arch)
		}
	}
	return nil, fmt.Errorf("%w: architecture %q; bitmill evaluates %s", formats.ErrUnsupported, arch, strings.Join(known, ", "))
}

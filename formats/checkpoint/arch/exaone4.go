package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// exaone4 normalizes the outputs of attention and feed-forward layer instead of their inputs, and each head's queries
// and keys. The large models have a window in three layers of four and no positions in the others (arXiv 2507.11407).
var exaone4 = family{
	Type: "exaone4", Arch: "exaone4",
	Context: 2048, KVHeads: 32, Sliding: 4096,
	Eps: 1e-5,
	Layer: slices.Concat(without(decoder, "attn_norm.weight", "ffn_norm.weight"), headNorms, []tensorSpec{
		vector("post_attention_layernorm.weight", "post_attention_norm.weight", width, always),
		vector("post_feedforward_layernorm.weight", "post_ffw_norm.weight", width, always),
	}),
	RopeFreqs: true,
	Letters:   true,
	Config: func(h *HFConfig, c *Config) error {
		if h.windows(c, 4); c.Window > 0 {
			c.rotateWindowed()
		}
		return nil
	},
	Read: func(r *reader, c *Config) {
		otherwise := 0
		if c.Layers == 64 { // the 32B model, as llama.cpp knows it
			otherwise = 4096
		}
		if r.window(c, 4, otherwise); c.Window > 0 {
			c.rotateWindowed()
		}
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("exaone4.vocab_size", uint32(c.Vocab))
		windowMetadata(c, m)
	},
}

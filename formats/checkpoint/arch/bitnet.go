package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// bitNet (BitNet b1.58 2B4T, arXiv 2504.12285) norms the inputs of attention's output matrix and of the feed-forward
// layer's, squares what is positive in the gates, and has ternary matrices in the published models. Its gates are SiLU
// where GGUF files do not say otherwise (see ActivationKey), as llama.cpp takes for granted.
var bitNet = family{
	Type: "bitnet", Arch: "bitnet",
	Context: 2048, KVHeads: 5,
	Theta: 500000, Eps: 1e-5,
	Layer: slices.Concat(decoder, qkvBias(attentionBias), outputBias, []tensorSpec{
		vector("self_attn.attn_sub_norm.weight", "attn_sub_norm.weight", width, always),
		vector("mlp.ffn_sub_norm.weight", "ffn_sub_norm.weight", ffn, always),
	}),
	Activations: []Activation{ReLUSquared},
	Spellings: func(h *HFConfig) {
		if h.HiddenAct == "" {
			h.HiddenAct = "relu2"
		}
	},
	Read: func(r *reader, c *Config) {
		if c.Rope.Scaling == "linear" && c.Rope.Factor == 1 {
			c.Rope.Scaling, c.Rope.Factor = "", 0
		}
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		if c.Rope.Scaling == "" {
			m.Set("bitnet.rope.scaling.type", "linear")
			m.Set("bitnet.rope.scaling.factor", float32(1))
		}
	},
}

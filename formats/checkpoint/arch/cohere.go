package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// cohere (Command R, Aya 23) runs attention and feed-forward layer side by side behind one norm with mean and without
// bias, rotates neighbouring pairs and scales logits; Command R+ normalizes queries and keys, each head with a gain
// of its own.
var cohere = family{
	Type: "cohere", Arch: "command-r",
	Context: 8192, Tied: true, Joint: true,
	Eps: 1e-5,
	Layer: slices.Concat(without(decoder, "ffn_norm.weight"), qkvBias(attentionBias), outputBias, []tensorSpec{
		{HF: "self_attn.q_norm.weight", GGUF: "attn_q_norm.weight", Shape: []dim{queryN, headDim}, Need: qkNorm},
		{HF: "self_attn.k_norm.weight", GGUF: "attn_k_norm.weight", Shape: []dim{keyN, headDim}, Need: qkNorm},
	}),
	Interleaved: true,
	Variant:     Variant{Norm: LayerNorm, Parallel: true},
	Config: func(h *HFConfig, c *Config) error {
		c.Scale.Logit = single(or(h.LogitScale, 0.0625))
		return nil
	},
	Read:      func(r *reader, c *Config) { c.Scale.Logit = r.float("logit_scale", 0) },
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("command-r.logit_scale", float32(c.Scale.Logit))
		m.Set("command-r.rope.scaling.type", "none")
	},
}

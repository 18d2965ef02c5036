package arch

import "slices"

// apertus has no gates, xIELU with parameters of each layer as its activation, and norms of each head's queries and
// keys (arXiv 2509.14233).
var apertus = family{
	Type: "apertus", Arch: "apertus",
	Context: 65536,
	Theta:   12e6,
	Eps:     1e-5,
	Layer: slices.Concat(without(decoder, "attn_norm.weight", "ffn_norm.weight", "ffn_gate.weight"), headNorms,
		qkvBias(attentionBias), outputBias, []tensorSpec{
			vector("attention_layernorm.weight", "attn_norm.weight", width, always),
			vector("feedforward_layernorm.weight", "ffn_norm.weight", width, always),
		}),
	RopeFreqs: true,
	Variant:   Variant{Activation: XIELU},
	Read:      func(r *reader, c *Config) { r.xielu(c) },
	Metadata:  llamaMetadata,
	NoHeadDim: true,
}

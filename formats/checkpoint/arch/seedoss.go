package arch

import "slices"

// seedOSS (Seed-OSS 36B) is llama with biases on Q, K and V and heads wider than the model's share.
var seedOSS = family{
	Type: "seed_oss", Arch: "seed_oss",
	Context: 524288, HeadDim: 128, KVHeads: 8,
	Layer: slices.Concat(without(decoder, "ffn_norm.weight"), qkvBias(attentionBias),
		withNeed(outputBias, attnOutBias), mlpBiases, []tensorSpec{
			vector("post_attention_layernorm.weight", "post_attention_norm.weight", width, always),
		}),
	Variant:  Variant{FFNNorm: "post_attention_norm"},
	Defaults: func(h *HFConfig) { h.AttentionBias = true },
}

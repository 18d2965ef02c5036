package arch

import "slices"

// starCoder2 has norms with mean and bias, biases everywhere and a feed-forward layer without a gate
// (arXiv 2402.19173). GGUF files have no key for its window; see WindowKey.
var starCoder2 = family{
	Type: "starcoder2", Arch: "starcoder2",
	Context: 4096, KVHeads: 2, Tied: true,
	Eps: 1e-5,
	Outside: []tensorSpec{
		vector("model.norm.bias", "output_norm.bias", width, always),
	},
	Layer: slices.Concat(without(decoder, "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"), qkvBias(useBias),
		[]tensorSpec{
			vector("self_attn.o_proj.bias", "attn_output.bias", width, useBias),
			vector("input_layernorm.bias", "attn_norm.bias", width, always),
			vector("post_attention_layernorm.bias", "ffn_norm.bias", width, always),
			{HF: "mlp.c_fc.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width}},
			vector("mlp.c_fc.bias", "ffn_up.bias", ffn, useBias),
			{HF: "mlp.c_proj.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}},
			vector("mlp.c_proj.bias", "ffn_down.bias", width, useBias),
		}),
	Variant:   Variant{Norm: LayerNorm, Activation: GELUTanh},
	Config:    windowEverywhere,
	NoHeadDim: true,
}

package arch

import (
	"slices"

	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

const endOfText = "<|endoftext|>"

// glm4 (GLM-4-0414) rotates neighbouring pairs of half of each head, has norms before and after each branch and one
// matrix for gate and up.
var glm4 = family{
	Type: "glm4", Arch: "glm4",
	Context: 131072, HeadDim: 128, KVHeads: 2,
	Eps:         0.00000015625,
	Rotary:      0.5,
	Interleaved: true,
	Layer: slices.Concat(without(decoder, "ffn_gate.weight", "ffn_up.weight"), qkvBias(attentionBias), []tensorSpec{
		vector("post_self_attn_layernorm.weight", "post_attention_norm.weight", width, always),
		vector("post_mlp_layernorm.weight", "post_ffw_norm.weight", width, always),
		{HF: "mlp.gate_up_proj.weight", GGUF: "ffn_up.weight", Shape: []dim{twoFFN, width}},
	}),
	Read: func(r *reader, c *Config) { r.sections(c) },
	Forced: []tokenizer.Forced{{Name: "eos", Text: endOfText}, {Name: "eot", Text: "<|user|>"},
		{Name: "unk", Text: endOfText}, {Name: "bos", Text: endOfText}},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("glm4.rope.dimension_count", uint32(c.Rope.Dims))
	},
}

package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

const endOfText = "<|endoftext|>"

var glm4Tokens = []tokenizer.Forced{{Name: "eos", Text: endOfText}, {Name: "eot", Text: "<|user|>"},
	{Name: "unk", Text: endOfText}, {Name: "bos", Text: endOfText}}

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
	Read:   func(r *reader, c *Config) { r.sections(c) },
	Forced: glm4Tokens,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("glm4.rope.dimension_count", uint32(c.Rope.Dims))
	},
}

// glm4V (GLM-4.1V) is glm4 beside an encoder of images, which turns pairs by three coordinates; see qwen2VL. llama.cpp
// does so for pairs half a head apart only.
var glm4V = family{
	Type: "glm4v_text", Arch: "glm4",
	Context: 32768, KVHeads: 2,
	Class:  ClassSizes{Width: 4096, FFN: 13696, Layers: 40, Heads: 32, Vocab: 151552},
	Eps:    1e-5,
	Rotary: 0.5,
	Parted: true,
	Layer:  slices.Concat(without(glm4.Layer, "attn_q.bias", "attn_k.bias", "attn_v.bias"), qkvBias(always)),
	Only: func(h *HFConfig) error {
		if p := h.ropeParameters(); p.Sections == nil {
			return fmt.Errorf("%w: model_type glm4v_text without mrope_section", formats.ErrUnsupported)
		}
		return nil
	},
	Forced:    glm4Tokens,
	Metadata:  glm4.Metadata,
	NoHeadDim: true,
}

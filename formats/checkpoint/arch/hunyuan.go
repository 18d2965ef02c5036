package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// hunyuan (Hunyuan 0.5B to 7B, Hunyuan-MT) is llama with norms of each head's queries and keys behind RoPE, whose base
// grows with a factor alpha (NTK-aware scaling). Its longest context is told by no key.
var hunyuan = family{
	Type: "hunyuan_v1_dense", Arch: "hunyuan-dense",
	Context: 2048,
	Eps:     1e-5,
	Layer: slices.Concat(decoder, qkvBias(attentionBias), outputBias, []tensorSpec{
		vector("self_attn.query_layernorm.weight", "attn_q_norm.weight", headDim, always),
		vector("self_attn.key_layernorm.weight", "attn_k_norm.weight", headDim, always),
	}),
	Variant:   Variant{LateNorms: true},
	Alpha:     true,
	NoHeadDim: true,
	Config: func(h *HFConfig, c *Config) error {
		if h.alpha() > 0 {
			c.Context = 256 * 1024
		}
		return nil
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		if h.alpha() > 0 {
			m.Set("hunyuan-dense.rope.scaling.type", "none")
			m.Set("hunyuan-dense.rope.scaling.factor", float32(1))
			m.Set("hunyuan-dense.rope.scaling.original_context_length", uint32(c.Context))
		}
	},
}

// alpha is the factor of NTK-aware RoPE scaling; 0: none.
func (h *HFConfig) alpha() float64 {
	if p := h.ropeParameters(); p.RopeType == "dynamic" {
		return or(p.Alpha, 0)
	}
	return 0
}

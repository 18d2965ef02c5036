package arch

import (
	"slices"

	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
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
	Special: func(h *HFConfig, m *gguf.Metadata, t *tokenizer.Tokenizer, ends []int) {
		if id := h.EODToken; id != nil && *id >= 0 && *id < t.Vocab() { // config.json's eos_token_id is another
			m.Set("tokenizer.ggml.eos_token_id", uint32(*id))
			t.EOS = int32(*id)
		}
		if len(ends) > 1 && ends[0] >= 0 && ends[0] < t.Vocab() {
			m.Set("tokenizer.ggml.eot_token_id", uint32(ends[0]))
		}
	},
	Metadata: hunyuanRope,
}

// hunyuanRope writes that RoPE needs no scaling beyond its base.
func hunyuanRope(h *HFConfig, c *Config, m *gguf.Metadata) {
	if h.alpha() > 0 {
		m.Set(c.Arch+".rope.scaling.type", "none")
		m.Set(c.Arch+".rope.scaling.factor", float32(1))
		m.Set(c.Arch+".rope.scaling.original_context_length", uint32(c.Context))
	}
}

// alpha is the factor of NTK-aware RoPE scaling; 0: none.
func (h *HFConfig) alpha() float64 {
	if p := h.ropeParameters(); p.RopeType == "dynamic" {
		return or(p.Alpha, 0)
	}
	return 0
}

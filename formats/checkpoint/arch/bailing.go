package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// bailingMoEV2 (Ling and Ring 2.0, arXiv 2510.22115) has one matrix for queries, keys and values, norms of single
// heads, RoPE in half of each head, and experts chosen group by group as DeepSeek V3's.
var bailingMoEV2 = family{
	Type: "bailing_moe_v2", Arch: "bailingmoe2",
	Context: 32768,
	Eps:     1e-6,
	Theta:   600000,
	Rotary:  0.5,
	Common: []tensorSpec{
		{HF: "lm_head.weight", GGUF: "output.weight", Shape: []dim{vocab, width}, Need: untied},
		{HF: "model.word_embeddings.weight", GGUF: "token_embd.weight", Shape: []dim{vocab, width}},
		{HF: "model.norm.weight", GGUF: "output_norm.weight", Shape: []dim{width}},
	},
	Layer: slices.Concat(without(decoder, "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_output.weight"),
		qwenExperts, sharedExperts, []tensorSpec{
			{HF: "attention.query_key_value.weight", GGUF: "attn_qkv.weight", Shape: []dim{qkv, width}},
			{HF: "attention.query_key_value.bias", GGUF: "attn_qkv.bias", Shape: []dim{qkv}, Need: qkvBiases},
			{HF: "attention.dense.weight", GGUF: "attn_output.weight", Shape: []dim{width, heads}},
			vector("attention.query_layernorm.weight", "attn_q_norm.weight", headDim, qkNorm),
			vector("attention.key_layernorm.weight", "attn_k_norm.weight", headDim, qkNorm),
			correction("mlp.gate.expert_bias", experts),
		}),
	MoE:      true,
	Variant:  Variant{Experts: &Experts{Normalize: true}},
	Defaults: func(h *HFConfig) { h.UseQKNorm = true },
	Config:   func(h *HFConfig, c *Config) error { return h.routing(c, Sigmoid) },
	Read: func(r *reader, c *Config) {
		r.routing(c, r.untoldGating())
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		w, e := writer{Metadata: m, arch: c.Arch}, c.Experts
		w.uint("rope.dimension_count", c.Rope.Dims)
		w.uint("leading_dense_block_count", e.Dense)
		w.uint("vocab_size", c.Vocab)
		w.uint("expert_feed_forward_length", e.FFN)
		w.uint("expert_shared_feed_forward_length", e.Shared)
		w.float("expert_weights_scale", e.Scale)
		w.uint("expert_shared_count", e.Shared/max(1, e.FFN))
		w.set("expert_weights_norm", e.Normalize)
		if h.NextN != nil {
			w.uint("nextn_predict_layers", c.NextN)
		}
	},
}

// bailingMoE is what published models of the second version call themselves, as those of the first do.
var bailingMoE = func() family {
	f := bailingMoEV2
	f.Type = "bailing_moe"
	f.Only = func(h *HFConfig) error {
		if !slices.Contains(h.Architectures, "BailingMoeV2ForCausalLM") {
			return fmt.Errorf("%w: model_type bailing_moe of the first version (%v)", formats.ErrUnsupported, h.Architectures)
		}
		return nil
	}
	return f
}()

package arch

import (
	"slices"

	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// glmTokens are the special tokens of GLM-4.5 and its successors.
var glmTokens = []tokenizer.Forced{{Name: "bos", Text: "[gMASK]"}, {Name: "eot", Text: "<|user|>"},
	{Name: "unk", Text: endOfText}, {Name: "eom", Text: "<|observation|>"}}

// glm4MoE (GLM-4.5, 4.6 and 4.7, arXiv 2508.06471) rotates half of each head and chooses experts as DeepSeek V3 does.
// The largest normalize queries and keys. A block behind the layers predicts one token more.
var glm4MoE = family{
	Type: "glm4_moe", Arch: "glm4moe",
	Context: 131072, KVHeads: 8,
	Eps:    1e-5,
	Rotary: 0.5,
	Layer: slices.Concat(without(decoder, "ffn_norm.weight"), qkvBias(attentionBias), qwenExperts, sharedExperts,
		[]tensorSpec{
			vector("post_attention_layernorm.weight", "post_attention_norm.weight", width, always),
			vector("self_attn.q_norm.weight", "attn_q_norm.weight", headDim, qkNorm),
			vector("self_attn.k_norm.weight", "attn_k_norm.weight", headDim, qkNorm),
			correction("mlp.gate.e_score_correction_bias", experts),
		}),
	MoE:        true,
	Predictors: kept,
	Variant:    Variant{FFNNorm: "post_attention_norm", Experts: &Experts{Count: 128, Used: 8, Dense: 1, Normalize: true}},
	Config:     func(h *HFConfig, c *Config) error { return h.routing(c, Sigmoid) },
	Read:       func(r *reader, c *Config) { r.routing(c, Sigmoid) },
	NoHeadDim:  true,
	Forced:     glmTokens,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		w := writer{Metadata: m, arch: c.Arch}
		e := c.Experts
		w.uint("rope.dimension_count", c.Rope.Dims)
		w.uint("expert_feed_forward_length", e.FFN)
		w.uint("expert_shared_count", e.Shared/max(1, e.FFN))
		w.uint("leading_dense_block_count", e.Dense)
		w.gating(e.Gating)
		w.float("expert_weights_scale", e.Scale)
		w.set("expert_weights_norm", e.Normalize)
		if h.keepsMTP() {
			w.uint("nextn_predict_layers", c.NextN)
		}
	},
}

// glm4VMoE (GLM-4.5V and 4.6V) is glm4MoE beside an encoder of images, which turns pairs by three coordinates; see
// qwen2VL.
var glm4VMoE = func() family {
	f := glm4MoE
	f.Type, f.Context = "glm4v_moe_text", 65536
	f.Class = ClassSizes{Width: 4096, FFN: 10944, Layers: 46, Heads: 96, Vocab: 151424}
	f.Defaults = func(h *HFConfig) { h.AttentionBias = true }
	f.Metadata = func(h *HFConfig, c *Config, m *gguf.Metadata) {
		if glm4MoE.Metadata(h, c, m); h.NextN == nil {
			m.Delete("glm4moe.nextn_predict_layers")
		}
	}
	return f
}()

package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// dots1 (dots.llm1, arXiv 2506.05767) has the attention of Qwen 3 and the experts of DeepSeek V3.
var dots1 = family{
	Type: "dots1", Arch: "dots1",
	Context: 2048, KVHeads: 32, Sliding: 4096,
	Layer: slices.Concat(decoder, headNorms, qkvBias(attentionBias), outputBias, qwenExperts, sharedExperts,
		[]tensorSpec{correction("mlp.gate.e_score_correction_bias", experts)}),
	MoE:     true,
	Variant: Variant{Experts: &Experts{}},
	Defaults: func(h *HFConfig) {
		from := 62
		h.MaxWindowLayers, h.UseSlidingWindow = &from, true
	},
	Spellings: func(h *HFConfig) {
		if h.ScoringFunc == "noaux_tc" { // the method of choosing, which has sigmoids
			h.ScoringFunc = "sigmoid"
		}
	},
	Config: func(h *HFConfig, c *Config) error {
		if err := h.routing(c, Sigmoid); err != nil {
			return err
		}
		return qwenWindow(h, c)
	},
	Read:      func(r *reader, c *Config) { r.routing(c, r.untoldGating()) },
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		w, e := writer{Metadata: m, arch: c.Arch}, c.Experts
		w.uint("expert_feed_forward_length", e.FFN)
		w.uint("leading_dense_block_count", e.Dense)
		w.uint("expert_shared_count", e.Shared/max(1, e.FFN))
		w.float("expert_weights_scale", e.Scale)
		w.set("expert_weights_norm", e.Normalize)
	},
}

package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
)

// olmoe (OLMoE 1B-7B, arXiv 2409.02060) has 64 experts in every layer, whose weights do not add up to one, and
// normalizes queries and keys over the whole row.
var olmoe = family{
	Type: "olmoe", Arch: "olmoe",
	Context: 4096,
	Eps:     1e-5,
	Layer:   slices.Concat(decoder, qkvBias(attentionBias), outputBias, rowNorms, qwenExperts),
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 64, Used: 8}},
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		if h.ClipQKV != nil && *h.ClipQKV != 0 {
			return fmt.Errorf("%w: clip_qkv %v in model_type olmoe", formats.ErrUnsupported, *h.ClipQKV)
		}
		return nil
	},
	NoHeadDim: true,
}

// rowNorms lists the RMSNorm gains over the whole rows of queries and keys.
var rowNorms = []tensorSpec{
	vector("self_attn.q_norm.weight", "attn_q_norm.weight", heads, always),
	vector("self_attn.k_norm.weight", "attn_k_norm.weight", kvHeads, always),
}

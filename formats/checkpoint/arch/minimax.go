package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// miniMaxM2 (MiniMax M2, M2.1 and M2.5) normalizes queries and keys over the whole row, rotates half of each head, and
// chooses experts by sigmoids with a correction for balance.
var miniMaxM2 = family{
	Type: "minimax_m2", Arch: "minimax-m2",
	Context: 196608, HeadDim: 128, KVHeads: 8,
	Theta:  5e6,
	Rotary: 1,
	Layer: slices.Concat(decoder, rowNorms, expertStacks, []tensorSpec{
		{HF: "block_sparse_moe.gate.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}},
		{HF: "block_sparse_moe.experts.%d.w1.weight", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
			Need: eachExpert},
		{HF: "block_sparse_moe.experts.%d.w2.weight", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
			Need: eachExpert},
		{HF: "block_sparse_moe.experts.%d.w3.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
			Need: eachExpert},
		correction("block_sparse_moe.e_score_correction_bias", experts),
	}),
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 256, Used: 8, Gating: Sigmoid, Normalize: true}},
	Spellings: func(h *HFConfig) {
		if h.scoring() == "" { // transformers leaves it out; without the key llama.cpp stops
			h.ScoringFunc = "sigmoid"
		}
		if h.RotaryDim != nil && h.PartialRotary == nil && *h.RotaryDim > 0 {
			part := float64(*h.RotaryDim) / 128
			if h.HeadDim != nil {
				part = float64(*h.RotaryDim) / float64(*h.HeadDim)
			}
			h.PartialRotary = &part
		}
	},
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		if i := slices.IndexFunc(h.AttentionTypes, func(n int) bool { return n != 1 }); i >= 0 {
			return fmt.Errorf("%w: layer %d has linear attention (attn_type_list)", formats.ErrUnsupported, i)
		}
		if h.QKNormType != "" && h.QKNormType != "per_layer" {
			return fmt.Errorf("%w: qk_norm_type %q in model_type minimax_m2", formats.ErrUnsupported, h.QKNormType)
		}
		return h.gating(c.Experts)
	},
	Read: func(r *reader, c *Config) { c.Experts.Gating = r.gating(c, r.untoldGating()) },
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("minimax-m2.expert_feed_forward_length", uint32(c.Experts.FFN))
		m.Set("minimax-m2.rope.dimension_count", uint32(c.Rope.Dims))
	},
}

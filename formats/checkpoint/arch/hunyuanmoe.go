package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// hunyuanMoE (Hunyuan A13B) is hunyuan with experts in every layer and one for all tokens.
var hunyuanMoE = family{
	Type: "hunyuan_v1_moe", Arch: "hunyuan-moe",
	Context: 2048,
	Eps:     1e-5,
	Layer: slices.Concat(hunyuan.Layer, without(qwenExperts, "ffn_gate_inp.weight"), []tensorSpec{
		{HF: "mlp.gate.wg.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
		{HF: "mlp.shared_mlp.gate_proj.weight", GGUF: "ffn_gate_shexp.weight", Shape: []dim{sharedFFN, width}, In: sparse},
		{HF: "mlp.shared_mlp.up_proj.weight", GGUF: "ffn_up_shexp.weight", Shape: []dim{sharedFFN, width}, In: sparse},
		{HF: "mlp.shared_mlp.down_proj.weight", GGUF: "ffn_down_shexp.weight", Shape: []dim{width, sharedFFN}, In: sparse},
	}),
	MoE:       true,
	Variant:   Variant{LateNorms: true, Experts: &Experts{Count: 1, Used: 1, Normalize: true}},
	Alpha:     true,
	NoHeadDim: true,
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		set(&c.Experts.Used, h.HunyuanUsed)
		c.Experts.Shared = c.FFN
		if n := value(h.HunyuanShared, 1); n != 1 {
			return fmt.Errorf("%w: num_shared_expert is %d", formats.ErrUnsupported, n)
		}
		return hunyuan.Config(h, c)
	},
	Read: func(r *reader, c *Config) {
		if n := r.int("expert_shared_count", 1); n > 1 {
			r.fail(fmt.Errorf("%w: metadata key %s.expert_shared_count is %d", formats.ErrUnsupported, c.Arch, n))
		}
		if c.Experts.Shared == 0 {
			c.Experts.Shared = c.FFN
		}
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		w, e := writer{Metadata: m, arch: c.Arch}, c.Experts
		m.Delete("hunyuan-moe.expert_used_count") // it comes late
		w.uint("expert_shared_feed_forward_length", e.Shared)
		w.uint("expert_feed_forward_length", e.FFN)
		w.uint("expert_used_count", e.Used)
		w.uint("expert_shared_count", 1)
		hunyuanRope(h, c, m)
	},
}

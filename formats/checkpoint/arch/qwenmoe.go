package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// qwenExperts lists the router and the experts of a layer, in the converter's order.
var qwenExperts = slices.Concat([]tensorSpec{
	{HF: "mlp.gate.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
	{HF: "mlp.experts.%d.down_proj.weight", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
		Need: eachExpert, In: sparse},
	{HF: "mlp.experts.%d.gate_proj.weight", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
		Need: eachExpert, In: sparse},
	{HF: "mlp.experts.%d.up_proj.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
		Need: eachExpert, In: sparse},
}, expertStacks)

// expertStacks lists the experts of a layer where they are stacked: as transformers holds them since version 5, gate
// before up in one tensor, or as mlx_lm saves them.
var expertStacks = []tensorSpec{
	{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
		Source: []dim{experts, twoExpertFFN, width}, Need: fusedExperts, In: sparse, Layout: halfOfExpert(0)},
	{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
		Source: []dim{experts, twoExpertFFN, width}, Need: fusedExperts, In: sparse, Layout: halfOfExpert(1)},
	{HF: "mlp.experts.gate_proj", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
		Need: stackedExperts, In: sparse},
	{HF: "mlp.experts.up_proj", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
		Need: stackedExperts, In: sparse},
	{HF: "mlp.experts.down_proj", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
		Need: eitherStack, In: sparse},
}

// qwenShared lists the expert that all tokens share, and its gate.
var qwenShared = []tensorSpec{
	{HF: "mlp.shared_expert.gate_proj.weight", GGUF: "ffn_gate_shexp.weight", Shape: []dim{sharedFFN, width}, In: sparse},
	{HF: "mlp.shared_expert.up_proj.weight", GGUF: "ffn_up_shexp.weight", Shape: []dim{sharedFFN, width}, In: sparse},
	{HF: "mlp.shared_expert.down_proj.weight", GGUF: "ffn_down_shexp.weight", Shape: []dim{width, sharedFFN}, In: sparse},
	{HF: "mlp.shared_expert_gate.weight", GGUF: "ffn_gate_inp_shexp.weight", Shape: []dim{one, width}, In: sparse},
}

// halfOfExpert takes the first half of each expert's rows, or the second.
func halfOfExpert(second int) func(c *Config) Layout {
	return func(c *Config) Layout {
		n := int64(c.Experts.FFN)
		return Layout{First: int64(second) * n, Rows: n, Span: 2 * n}
	}
}

// qwen2MoE has many small experts and a shared one behind a gate (Qwen 1.5 and 2 MoE, arXiv 2407.10671).
var qwen2MoE = family{
	Type: "qwen2_moe", Arch: "qwen2moe",
	Context: 32768,
	KVHeads: 16,
	Sliding: 4096,
	Layer:   slices.Concat(decoder, qkvBias(always), qwenExperts, qwenShared),
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 60, Used: 4, FFN: 1408, Shared: 5632}},
	Config:  qwenSparse,
	Read: func(r *reader, c *Config) {
		r.expertWidth(c)
		if c.Experts.Shared == 0 {
			c.Experts.Shared = c.FFN
		}
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("qwen2moe.expert_feed_forward_length", uint32(c.Experts.FFN))
		m.Set("qwen2moe.expert_shared_feed_forward_length", uint32(c.Experts.Shared))
	},
}

// qwen3MoE is qwen3 with experts, whose weights add up to one in the published models.
var qwen3MoE = family{
	Type: "qwen3_moe", Arch: "qwen3moe",
	Context: 32768,
	KVHeads: 4,
	Sliding: 4096,
	Layer:   slices.Concat(decoder, headNorms, qkvBias(attentionBias), outputBias, qwenExperts),
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 128, Used: 8, FFN: 768}},
	Config:  qwenSparse,
	Read: func(r *reader, c *Config) {
		c.Experts.Normalize = true
		r.expertWidth(c)
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("qwen3moe.expert_feed_forward_length", uint32(c.Experts.FFN))
	},
	NoHeadDim: true,
}

// expertWidth sets the width of experts in files from before it had a key: those that run share the width of the
// feed-forward layer.
func (r *reader) expertWidth(c *Config) {
	if e := c.Experts; r.int("expert_feed_forward_length", 0) == 0 && e.Used > 0 {
		e.FFN = c.FFN / e.Used
	}
}

// qwenSparse counts the dense layers. A layer has experts when its number, counted from 1, divides by
// decoder_sparse_step, unless it is among mlp_only_layers. GGUF files can hold dense layers only before all others.
func qwenSparse(h *HFConfig, c *Config) error {
	h.experts(c)
	step := 1
	if h.SparseStep != nil && *h.SparseStep > 0 {
		step = *h.SparseStep
	}
	sparse := func(i int) bool { return (i+1)%step == 0 && !slices.Contains(h.DenseLayers, i) }
	for c.Experts.Dense < c.Layers && !sparse(c.Experts.Dense) {
		c.Experts.Dense++
	}
	for i := c.Experts.Dense; i < c.Layers; i++ {
		if !sparse(i) {
			return fmt.Errorf("%w: layer %d is dense between layers with experts", formats.ErrUnsupported, i)
		}
	}
	return qwenWindow(h, c)
}

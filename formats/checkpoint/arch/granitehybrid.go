package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// graniteHybrid (IBM Granite 4.0 H) is granite4 with layers of Mamba 2, and in larger models with experts beside the
// feed-forward layer, which every token takes. Positions may be left out.
var graniteHybrid = family{
	Type: "granitemoehybrid", Arch: "granitehybrid",
	Context: 2048,
	Kinds: map[string]Mixer{"mamba": Mamba, "linear_attention": Mamba, "attention": Attention,
		"full_attention": Attention},
	Recurrent: Mamba,
	Layer: slices.Concat(in(attending, without(decoder, "attn_norm.weight", "ffn_norm.weight", "ffn_gate.weight",
		"ffn_up.weight", "ffn_down.weight"), qkvBias(attentionBias), outputBias), stateSpace("mamba."), graniteFFN,
		[]tensorSpec{
			{HF: "input_layernorm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}},
			{HF: "post_attention_layernorm.weight", GGUF: "ffn_norm.weight", Shape: []dim{width}},
		}),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Variant:   Variant{Experts: &Experts{Gating: SoftmaxChosen}},
	Spellings: func(h *HFConfig) { h.ConvBias = h.MambaConvBias == nil || *h.MambaConvBias },
	Config: func(h *HFConfig, c *Config) error {
		if h.PositionKind != "rope" {
			c.RopeLayers, c.Context = make([]bool, c.Layers), 1<<20
		}
		if err := h.graniteExperts(c); err != nil {
			return err
		}
		if err := h.stateSpace(c, value(h.MambaExpand, 2)*c.Width); err != nil {
			return err
		}
		return granite.Config(h, c)
	},
	Read: func(r *reader, c *Config) {
		if c.Experts.Count == 0 {
			c.Experts = nil
		}
		r.stateSpace(c)
		granite.Read(r, c)
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		granite.Metadata(h, c, m)
		m.Set("granitehybrid.expert_shared_feed_forward_length", uint32(value(h.SharedSize, 1024)))
		hybridMetadata(c, m)
	},
}

// graniteFFN lists the matrices of a feed-forward layer, or of experts and the one that all tokens take; gate and up
// are halves of one matrix in checkpoints.
var graniteFFN = []tensorSpec{
	{HF: "shared_mlp.input_linear.weight", GGUF: "ffn_gate.weight", Shape: []dim{ffn, width},
		Source: []dim{twoFFN, width}, Layout: halfOfRows(0), In: dense},
	{HF: "shared_mlp.input_linear.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width},
		Source: []dim{twoFFN, width}, Layout: halfOfRows(1), In: dense},
	{HF: "shared_mlp.output_linear.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}, In: dense},
	{HF: "shared_mlp.input_linear.weight", GGUF: "ffn_gate_shexp.weight", Shape: []dim{sharedFFN, width},
		Source: []dim{twoSharedFFN, width}, Layout: halfOf(sharedFFN, 0), In: sparse},
	{HF: "shared_mlp.input_linear.weight", GGUF: "ffn_up_shexp.weight", Shape: []dim{sharedFFN, width},
		Source: []dim{twoSharedFFN, width}, Layout: halfOf(sharedFFN, 1), In: sparse},
	{HF: "shared_mlp.output_linear.weight", GGUF: "ffn_down_shexp.weight", Shape: []dim{width, sharedFFN}, In: sparse},
	{HF: "block_sparse_moe.router.layer.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
	{HF: "block_sparse_moe.input_linear.weight", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
		Source: []dim{experts, twoExpertFFN, width}, Layout: halfOf(expertFFN, 0), In: sparse},
	{HF: "block_sparse_moe.input_linear.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
		Source: []dim{experts, twoExpertFFN, width}, Layout: halfOf(expertFFN, 1), In: sparse},
	{HF: "block_sparse_moe.output_linear.weight", GGUF: "ffn_down_exps.weight",
		Shape: []dim{experts, width, expertFFN}, In: sparse},
}

// halfOf takes the first n of every 2n rows, or the others.
func halfOf(n dim, second int) func(c *Config) Layout {
	return func(c *Config) Layout {
		rows := int64(n(c))
		return Layout{First: int64(second) * rows, Rows: rows, Span: 2 * rows}
	}
}

// graniteExperts sets the sizes of experts; without any the shared one is the feed-forward layer.
func (h *HFConfig) graniteExperts(c *Config) error {
	shared := value(h.SharedSize, 1024)
	if value(h.NumLocalExperts, 8) == 0 {
		c.Experts = nil
		c.setFFN(shared)
		return nil
	}
	if h.NumLocalExperts == nil || h.ExpertsUsed == nil {
		return fmt.Errorf("%w: config.json lacks num_local_experts or num_experts_per_tok", formats.ErrCorrupt)
	}
	h.experts(c)
	c.Experts.Shared = shared
	return nil
}

// hybridMetadata adds the key-value heads of all layers, none where there is a state space, and its keys.
func hybridMetadata(c *Config, m *gguf.Metadata) {
	kv := make([]int32, c.Layers)
	for i := range kv {
		kv[i] = int32(c.OfLayer(i).KVHeads)
	}
	m.Set(c.Arch+".attention.head_count_kv", kv)
	ssmMetadata(c, m)
}

// ssmMetadata adds the keys of the state space, and whether positions are encoded.
func ssmMetadata(c *Config, m *gguf.Metadata) {
	w, s := writer{Metadata: m, arch: c.Arch}, c.SSM
	if s == nil {
		return // config.json describes a model that cannot be evaluated
	}
	w.uint("ssm.conv_kernel", s.Conv)
	w.uint("ssm.state_size", s.State)
	w.uint("ssm.group_count", s.Groups)
	w.uint("ssm.inner_size", s.Inner)
	w.uint("ssm.time_step_rank", s.Heads)
	w.set("rope.scaling.finetuned", c.RopeLayers == nil)
}

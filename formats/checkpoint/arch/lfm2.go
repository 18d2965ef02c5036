package arch

import (
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// lfm2 (Liquid AI's LFM2 and LFM2.5, arXiv 2511.23404) has short convolutions in most layers and attention with norms
// of single heads in the others.
var lfm2 = family{
	Type: "lfm2", Arch: "lfm2",
	Context: 128000, KVHeads: 8, Tied: true,
	Theta: 1e6, Eps: 1e-5,
	Common:    lfm2Outside,
	Layer:     slices.Concat(lfm2Mixers, lfm2Dense),
	Recurrent: Conv,
	Kinds:     map[string]Mixer{"conv": Conv, "full_attention": Attention},
	Variant:   Variant{OutputNorm: "token_embd_norm"},
	Defaults: func(h *HFConfig) {
		one := 1.0
		h.FFNMultiplier = &one
	},
	Spellings: func(h *HFConfig) {
		h.spellLFM2()
		if h.BlockFFN != nil {
			h.IntermediateSize = h.BlockFFN
		}
	},
	Config: func(h *HFConfig, c *Config) error {
		h.lfm2Taps(c)
		return h.adjustFFN(c)
	},
	Read:      func(r *reader, c *Config) { c.Taps = r.int("shortconv.l_cache", -1) },
	NoHeadDim: true,
	Metadata:  lfm2Metadata,
}

// lfm2MoE has experts behind the first layers, chosen by sigmoids with a bias for balance.
var lfm2MoE = family{
	Type: "lfm2_moe", Arch: "lfm2moe",
	Context: 128000, KVHeads: 8, Tied: true,
	Theta: 1e6, Eps: 1e-5,
	Common:    lfm2Outside,
	Layer:     slices.Concat(lfm2Mixers, lfm2Dense, lfm2Experts),
	Recurrent: Conv,
	Kinds:     lfm2.Kinds,
	MoE:       true,
	Variant: Variant{OutputNorm: lfm2.Variant.OutputNorm,
		Experts: &Experts{Count: 32, Used: 4, FFN: 1792, Dense: 2, Gating: Sigmoid, Normalize: true}},
	Spellings: (*HFConfig).spellLFM2,
	Config: func(h *HFConfig, c *Config) error {
		h.lfm2Taps(c)
		h.experts(c)
		if h.DenseAtStart != nil {
			c.Experts.Dense = *h.DenseAtStart
		}
		if s := single(or(h.RoutedScale, 1)); s != 1 {
			c.Experts.Scale = s
		}
		return nil
	},
	Read: func(r *reader, c *Config) {
		lfm2.Read(r, c)
		e := c.Experts
		e.Dense, e.Scale = r.int("leading_dense_block_count", 0), r.float("expert_weights_scale", 0)
		if n := r.int("expert_gating_func", 2); n != 2 {
			r.fail(fmt.Errorf("%w: metadata key lfm2moe.expert_gating_func is %d", formats.ErrUnsupported, n))
		}
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		w := writer{Metadata: m, arch: c.Arch}
		w.uint("expert_feed_forward_length", c.Experts.FFN)
		w.uint("leading_dense_block_count", c.Experts.Dense)
		w.uint("expert_gating_func", 2)
		if c.Experts.Scale != 0 {
			w.float("expert_weights_scale", c.Experts.Scale)
		}
		lfm2Metadata(h, c, m)
	},
}

// lfm2Keys are the keys of config.json that only LFM2 has.
type lfm2Keys struct {
	Taps          *int     `json:"conv_L_cache"`
	ConvBias      bool     `json:"conv_bias"`
	AttentionAt   []int    `json:"full_attn_idxs"` // layers
	BlockFFN      *int     `json:"block_ff_dim"`
	AdjustFFN     *bool    `json:"block_auto_adjust_ff_dim"`
	FFNMultiplier *float64 `json:"block_ffn_dim_multiplier"`
	FFNMultiple   *int     `json:"block_multiple_of"`
	TiedEmbedding *bool    `json:"tie_embedding"`
	DenseAtStart  *int     `json:"num_dense_layers"`
	UseExpertBias *bool    `json:"use_expert_bias"`
}

var lfm2Outside = []tensorSpec{
	{HF: "lm_head.weight", GGUF: "output.weight", Shape: []dim{vocab, width}, Need: untied},
	{HF: "model.embed_tokens.weight", GGUF: "token_embd.weight", Shape: []dim{vocab, width}},
	{HF: "model.embedding_norm.weight", GGUF: "token_embd_norm.weight", Shape: []dim{width}},
}

var lfm2Mixers = []tensorSpec{
	{HF: "operator_norm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}},
	{HF: "ffn_norm.weight", GGUF: "ffn_norm.weight", Shape: []dim{width}},

	{HF: "self_attn.q_proj.weight", GGUF: "attn_q.weight", Shape: []dim{heads, width}, In: attending},
	{HF: "self_attn.k_proj.weight", GGUF: "attn_k.weight", Shape: []dim{kvHeads, width}, In: attending},
	{HF: "self_attn.v_proj.weight", GGUF: "attn_v.weight", Shape: []dim{kvHeads, width}, In: attending},
	{HF: "self_attn.out_proj.weight", GGUF: "attn_output.weight", Shape: []dim{width, heads}, In: attending},
	{HF: "self_attn.q_layernorm.weight", GGUF: "attn_q_norm.weight", Shape: []dim{headDim}, In: attending},
	{HF: "self_attn.k_layernorm.weight", GGUF: "attn_k_norm.weight", Shape: []dim{headDim}, In: attending},

	{HF: "conv.conv.weight", GGUF: "shortconv.conv.weight", Shape: []dim{width, taps}, Source: []dim{width, one, taps},
		In: recurrent},
	{HF: "conv.in_proj.weight", GGUF: "shortconv.in_proj.weight", Shape: []dim{threeWidth, width}, In: recurrent},
	{HF: "conv.out_proj.weight", GGUF: "shortconv.out_proj.weight", Shape: []dim{width, width}, In: recurrent},
	{HF: "conv.conv.bias", GGUF: "shortconv.conv.bias", Shape: []dim{width}, Need: convBias, In: recurrent},
	{HF: "conv.in_proj.bias", GGUF: "shortconv.in_proj.bias", Shape: []dim{threeWidth}, Need: convBias, In: recurrent},
	{HF: "conv.out_proj.bias", GGUF: "shortconv.out_proj.bias", Shape: []dim{width}, Need: convBias, In: recurrent},
}

var lfm2Dense = []tensorSpec{
	{HF: "feed_forward.w1.weight", GGUF: "ffn_gate.weight", Shape: []dim{ffn, width}, In: dense},
	{HF: "feed_forward.w2.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}, In: dense},
	{HF: "feed_forward.w3.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width}, In: dense},
}

var lfm2Experts = []tensorSpec{
	{HF: "feed_forward.gate.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
	{HF: "feed_forward.expert_bias", GGUF: "exp_probs_b.bias", Shape: []dim{experts}, Need: expertBias, In: sparse},
	{HF: "feed_forward.experts.%d.w1.weight", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
		In: sparse},
	{HF: "feed_forward.experts.%d.w2.weight", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
		In: sparse},
	{HF: "feed_forward.experts.%d.w3.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
		In: sparse},
}

func taps(c *Config) int       { return c.Taps }
func threeWidth(c *Config) int { return 3 * c.Width }

// spellLFM2 reads what older files call otherwise. Without any list of kinds all layers have attention.
func (h *HFConfig) spellLFM2() {
	if h.TiedEmbedding != nil {
		h.Tied = *h.TiedEmbedding
	}
	if len(h.LayerTypes) > 0 || h.AttentionAt == nil || h.Layers == nil || *h.Layers > maxLayers {
		return
	}
	for i := range *h.Layers {
		kind := "conv"
		if slices.Contains(h.AttentionAt, i) {
			kind = "full_attention"
		}
		h.LayerTypes = append(h.LayerTypes, kind)
	}
}

func (h *HFConfig) lfm2Taps(c *Config) {
	c.Taps = 3
	if h.Taps != nil {
		c.Taps = *h.Taps
	}
}

// adjustFFN makes the width of the feed-forward layer of block_ff_dim: two thirds of it, times a multiplier, up to a
// multiple, unless it is not to be adjusted. Without a multiplier (null) it is not rounded up.
func (h *HFConfig) adjustFFN(c *Config) error {
	if h.AdjustFFN != nil && !*h.AdjustFFN {
		return nil
	}
	multiple := 1
	switch {
	case h.FFNMultiplier == nil:
	case h.FFNMultiple == nil:
		multiple = 256
	default:
		multiple = *h.FFNMultiple
	}
	n := math.Trunc(or(h.FFNMultiplier, 1) * math.Trunc(2*float64(c.FFN)/3))
	if multiple < 1 || multiple > maxDim || !(n >= 0 && n <= maxDim) {
		return fmt.Errorf("%w: a feed-forward layer of %v values, up to a multiple of %d", formats.ErrCorrupt, n, multiple)
	}
	c.setFFN((int(n) + multiple - 1) / multiple * multiple)
	return nil
}

// lfm2Metadata also lists the key-value heads of all layers, none for convolutions.
func lfm2Metadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	kv := make([]int32, c.Layers)
	for i := range kv {
		kv[i] = int32(c.OfLayer(i).KVHeads)
	}
	m.Set(c.Arch+".attention.head_count", uint32(*h.Heads)) // also when no layer has attention
	m.Set(c.Arch+".attention.head_count_kv", kv)
	m.Set(c.Arch+".vocab_size", uint32(c.Vocab))
	m.Set(c.Arch+".shortconv.l_cache", uint32(c.Taps))
}

package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// qwen35 (Qwen3.5, 3.6 and 3.8) has gated delta nets (arXiv 2412.06464) in most layers. Its attention has a gate: the
// rows of a head's queries are followed by as many, whose sigmoid the output is multiplied by.
var qwen35 = family{
	Type: "qwen3_5_text", Arch: "qwen35",
	Context: 32768, HeadDim: 256, KVHeads: 4, Rotary: 0.25,
	Class:      ClassSizes{Width: 4096, FFN: 12288, Layers: 32, Heads: 16, Vocab: 248320},
	Layer:      slices.Concat(qwen35Mixers, qwen35Delta, denseFFN),
	NormAdd:    1,
	Kinds:      qwen35Kinds,
	Predictors: kept,
	Variant:    Variant{FFNNorm: "post_attention_norm"},
	Spellings:  (*HFConfig).fullIntervals,
	Config:     qwen35Config,
	Read:       qwen35Read,
	Metadata:   qwen35Metadata,
}

// qwen35MoE (Qwen3.5-35B-A3B to 397B-A17B) has experts in all layers.
var qwen35MoE = family{
	Type: "qwen3_5_moe_text", Arch: "qwen35moe",
	Context: 32768, HeadDim: 256, KVHeads: 2, Rotary: 0.25,
	Class:      ClassSizes{Width: 2048, Layers: 40, Heads: 16, Vocab: 248320},
	Layer:      slices.Concat(qwen35Mixers, qwen35Delta, qwenExperts, qwenShared),
	NormAdd:    1,
	Kinds:      qwen35Kinds,
	MoE:        true,
	Predictors: kept,
	Variant:    Variant{FFNNorm: "post_attention_norm", Experts: &Experts{Count: 256, Used: 8, FFN: 512, Shared: 512}},
	Defaults:   func(h *HFConfig) { h.IntermediateSize = new(int) }, // no layer is dense
	Spellings:  (*HFConfig).fullIntervals,
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		c.Experts.Normalize = true // whatever norm_topk_prob says
		return qwen35Config(h, c)
	},
	Read: func(r *reader, c *Config) {
		qwen35SharedRead(r, c)
		qwen35Read(r, c)
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		qwen35SharedMetadata(c, m)
		qwen35Metadata(h, c, m)
	},
}

var qwen35Kinds = map[string]Mixer{"linear_attention": Delta, "full_attention": Attention}

// qwen35Mixers lists the norms of a layer and the attention of those that have it.
var qwen35Mixers = slices.Concat([]tensorSpec{
	{HF: "input_layernorm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}},
	{HF: "post_attention_layernorm.weight", GGUF: "post_attention_norm.weight", Shape: []dim{width}},

	{HF: "self_attn.q_proj.weight", GGUF: "attn_q.weight", Shape: []dim{gatedHeads, width}, In: attending},
	{HF: "self_attn.k_proj.weight", GGUF: "attn_k.weight", Shape: []dim{kvHeads, width}, In: attending},
	{HF: "self_attn.v_proj.weight", GGUF: "attn_v.weight", Shape: []dim{kvHeads, width}, In: attending},
	{HF: "self_attn.o_proj.weight", GGUF: "attn_output.weight", Shape: []dim{width, heads}, In: attending},
	{HF: "self_attn.q_proj.bias", GGUF: "attn_q.bias", Shape: []dim{gatedHeads}, Need: attentionBias, In: attending},
	{HF: "self_attn.k_proj.bias", GGUF: "attn_k.bias", Shape: []dim{kvHeads}, Need: attentionBias, In: attending},
	{HF: "self_attn.v_proj.bias", GGUF: "attn_v.bias", Shape: []dim{kvHeads}, Need: attentionBias, In: attending},
	{HF: "self_attn.o_proj.bias", GGUF: "attn_output.bias", Shape: []dim{width}, Need: attentionBias, In: attending},
}, headNorms)

// qwen35Delta lists the delta net of a layer. The converter brings heads that share a key from behind each other into
// the order in which ggml repeats keys.
var qwen35Delta = []tensorSpec{
	{HF: "linear_attn.in_proj_qkv.weight", GGUF: "attn_qkv.weight", Shape: []dim{ssmConv, width}, In: recurrent,
		Layout: tiledValues},
	{HF: "linear_attn.in_proj_z.weight", GGUF: "attn_gate.weight", Shape: []dim{ssmInner, width}, In: recurrent,
		Layout: func(c *Config) Layout { return Layout{Tile: c.SSM.tile(0, c.SSM.HeadDim())} }},
	{HF: "linear_attn.in_proj_b.weight", GGUF: "ssm_beta.weight", Shape: []dim{ssmHeads, width}, In: recurrent,
		Layout: tiledHeads(false)},
	{HF: "linear_attn.in_proj_a.weight", GGUF: "ssm_alpha.weight", Shape: []dim{ssmHeads, width}, In: recurrent,
		Layout: tiledHeads(false)},
	{HF: "linear_attn.conv1d.weight", GGUF: "ssm_conv1d.weight", Shape: []dim{ssmConv, ssmTaps},
		Source: []dim{ssmConv, one, ssmTaps}, In: recurrent, Layout: tiledValues},
	{HF: "linear_attn.A_log", GGUF: "ssm_a", Shape: []dim{ssmHeads}, In: recurrent, Layout: tiledHeads(true)},
	{HF: "linear_attn.dt_bias", GGUF: "ssm_dt.bias", Shape: []dim{ssmHeads}, In: recurrent, Layout: tiledHeads(false)},
	{HF: "linear_attn.norm.weight", GGUF: "ssm_norm.weight", Shape: []dim{deltaHeadDim}, Whole: true, In: recurrent},
	{HF: "linear_attn.out_proj.weight", GGUF: "ssm_out.weight", Shape: []dim{width, ssmInner}, In: recurrent,
		Layout: func(c *Config) Layout { return Layout{Wide: c.SSM.tile(0, c.SSM.HeadDim())} }},
}

func gatedHeads(c *Config) int { return 2 * c.Heads * c.HeadDim }

var deltaHeadDim = ssmDim((*SSM).HeadDim)

// tile is the order of heads of so many rows, from a row on.
func (s *SSM) tile(from, rows int) Tile {
	if !s.Tiled || s.Heads == s.Groups {
		return Tile{}
	}
	return Tile{int64(from), int64(s.Groups), int64(s.Heads / s.Groups), int64(rows)}
}

// tiledValues is the layout of rows of queries and keys, then of values.
func tiledValues(c *Config) Layout {
	return Layout{Tile: c.SSM.tile(2*c.SSM.Groups*c.SSM.State, c.SSM.HeadDim())}
}

func tiledHeads(exp bool) func(c *Config) Layout {
	return func(c *Config) Layout { return Layout{Tile: c.SSM.tile(0, 1), MinusExp: exp} }
}

// fullIntervals lists the kinds of layers where config.json does not: every n-th has attention.
func (h *HFConfig) fullIntervals() {
	if len(h.LayerTypes) > 0 || h.Layers == nil || *h.Layers > maxLayers {
		return
	}
	n := value(h.FullInterval, 4)
	for i := range *h.Layers {
		kind := "linear_attention"
		if n != 0 && (i+1)%n == 0 {
			kind = "full_attention"
		}
		h.LayerTypes = append(h.LayerTypes, kind)
	}
}

func qwen35Config(h *HFConfig, c *Config) error {
	h.deltaNet(c)
	c.SSM.Tiled = true
	return nil
}

// deltaNet sets the sizes of the delta nets.
func (h *HFConfig) deltaNet(c *Config) {
	c.SSM = &SSM{State: value(h.LinearKeyDim, 128), Heads: value(h.LinearHeads, 32), Groups: value(h.LinearKeyHeads, 16),
		Conv: value(h.LinearTaps, 4)}
	c.SSM.Inner = c.SSM.Heads * value(h.LinearDim, 128)
}

func qwen35Read(r *reader, c *Config) {
	r.deltaNet(c)
	c.SSM.Tiled = true
	r.sections(c)
}

// deltaNet reads the sizes of the delta nets, and which layers have them.
func (r *reader) deltaNet(c *Config) {
	r.stateSpace(c)
	mixers, n := make([]Mixer, c.Layers), r.int("full_attention_interval", 4)
	recurrent := r.layers(r.arch+".attention.recurrent_layers", c.Layers+c.NextN)
	for i := range mixers {
		if recurrent != nil && recurrent[i] || recurrent == nil && (n == 0 || (i+1)%n != 0) {
			mixers[i] = Delta
		}
	}
	c.setMixers(mixers)
}

func qwen35Metadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	deltaMetadata(h, c, m)
	if p := h.ropeParameters(); p.sections() == nil {
		m.Set(c.Arch+".rope.dimension_sections", []int32{11, 11, 10, 0}) // those of the class
	}
}

func deltaMetadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	w := writer{Metadata: m, arch: c.Arch}
	if h.keepsMTP() && c.NextN > 0 {
		w.uint("nextn_predict_layers", c.NextN)
	}
	w.uint("ssm.conv_kernel", c.SSM.Conv)
	w.uint("ssm.state_size", c.SSM.State)
	w.uint("ssm.group_count", c.SSM.Groups)
	w.uint("ssm.time_step_rank", c.SSM.Heads)
	w.uint("ssm.inner_size", c.SSM.Inner)
	layers := make([]bool, c.Layers+c.NextN)
	for i := range c.Layers {
		layers[i] = c.OfLayer(i).Mixer == Delta
	}
	w.set("attention.recurrent_layers", layers)
	w.uint("full_attention_interval", value(h.FullInterval, 4))
	w.uint("rope.dimension_count", c.Rope.Dims)
}

func qwen35SharedMetadata(c *Config, m *gguf.Metadata) {
	m.Set(c.Arch+".expert_feed_forward_length", uint32(c.Experts.FFN))
	m.Set(c.Arch+".expert_shared_feed_forward_length", uint32(c.Experts.Shared))
}

// qwen35SharedRead completes the experts, whose weights add up to one.
func qwen35SharedRead(r *reader, c *Config) {
	c.Experts.Normalize = true
	r.expertWidth(c)
	if c.Experts.Shared == 0 {
		c.Experts.Shared = c.FFN
	}
}

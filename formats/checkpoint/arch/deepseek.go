package arch

import (
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// deepseekV2 keeps one low-rank latent per token instead of keys and values (multi-head latent attention, arXiv
// 2405.04434). The converter splits the matrix that expands the latent, so that queries can be mapped into the latent
// space and attention's output out of it: one head of keys then serves all queries.
var deepseekV2 = family{
	Type: "deepseek_v2", Arch: "deepseek2",
	Context: 2048, HeadDim: 64,
	Layer:       deepseekLayer,
	Interleaved: true,
	MoE:         true,
	Variant:     Variant{Experts: &Experts{}, Latent: &Latent{}},
	Config:      func(h *HFConfig, c *Config) error { return h.latent(c, SoftmaxAll) },
	Read:        func(r *reader, c *Config) { r.latent(c) },
	Metadata:    deepseekMetadata,
}

// deepseekV3 chooses experts by sigmoids with a correction for balance, group by group (arXiv 2412.19437).
var deepseekV3 = family{
	Type: "deepseek_v3", Arch: "deepseek2",
	Context: 4096, HeadDim: 64,
	Layer:       deepseekLayer,
	Interleaved: true,
	MoE:         true,
	Predictors:  leftOut,
	Variant:     Variant{Experts: &Experts{Normalize: true}, Latent: &Latent{}},
	Config:      func(h *HFConfig, c *Config) error { return h.latent(c, Sigmoid) },
	Metadata:    deepseekMetadata,
}

var deepseekLayer = slices.Concat(without(decoder, "attn_q.weight", "attn_k.weight", "attn_v.weight",
	"attn_output.weight"), qwenExperts, sharedExperts, []tensorSpec{
	{HF: "self_attn.q_proj.weight", GGUF: "attn_q.weight", Shape: []dim{fullQueries, width}},
	{HF: "self_attn.q_a_proj.weight", GGUF: "attn_q_a.weight", Shape: []dim{queryRank, width}},
	{HF: "self_attn.q_a_layernorm.weight", GGUF: "attn_q_a_norm.weight", Shape: []dim{queryRank}},
	{HF: "self_attn.q_b_proj.weight", GGUF: "attn_q_b.weight", Shape: []dim{latentQueries, queryRank}},
	{HF: "self_attn.kv_a_proj_with_mqa.weight", GGUF: "attn_kv_a_mqa.weight", Shape: []dim{headDim, width}},
	{HF: "self_attn.kv_a_layernorm.weight", GGUF: "attn_kv_a_norm.weight", Shape: []dim{latentRank}},
	{HF: "self_attn.kv_b_proj.weight", GGUF: "attn_k_b.weight", Shape: []dim{queryN, latentRank, latentNope},
		Source: []dim{expandedKV, latentRank}, Layout: func(c *Config) Layout {
			return Layout{Columns: int64(c.Latent.KV), Rows: int64(c.Latent.KV), Span: int64(c.Latent.Nope + c.Latent.Value)}
		}},
	{HF: "self_attn.kv_b_proj.weight", GGUF: "attn_v_b.weight", Shape: []dim{queryN, latentValue, latentRank},
		Source: []dim{expandedKV, latentRank}, Layout: func(c *Config) Layout {
			return Layout{First: int64(c.Latent.Nope), Rows: int64(c.Latent.Value), Span: int64(c.Latent.Nope + c.Latent.Value)}
		}},
	{HF: "self_attn.o_proj.weight", GGUF: "attn_output.weight", Shape: []dim{width, latentOutput}},
	correction("mlp.gate.e_score_correction_bias", corrections),
})

func queryRank(c *Config) int     { return c.Latent.Query }
func latentRank(c *Config) int    { return c.Latent.KV }
func latentNope(c *Config) int    { return c.Latent.Nope }
func latentValue(c *Config) int   { return c.Latent.Value }
func latentQueries(c *Config) int { return c.Heads * (c.Latent.Nope + c.Latent.Rope) }

// fullQueries is the rows of Q; 0 when queries come from a latent.
func fullQueries(c *Config) int {
	if c.Latent.Query > 0 {
		return 0
	}
	return latentQueries(c)
}

// corrections is the number of corrections; 0 unless experts are chosen by corrected sigmoids.
func corrections(c *Config) int {
	if c.Experts.Gating != Sigmoid {
		return 0
	}
	return c.Experts.Count
}

func latentOutput(c *Config) int { return c.Heads * c.Latent.Value }
func expandedKV(c *Config) int   { return c.Heads * (c.Latent.Nope + c.Latent.Value) }

// latent reads the ranks and the routing. Attention sees one head of keys, KV+Rope wide.
func (h *HFConfig) latent(c *Config, gating Gating) error {
	n := func(v *int, otherwise int) int {
		if v == nil {
			return otherwise
		}
		return *v
	}
	c.Latent = &Latent{Query: n(h.QueryRank, 0), KV: n(h.LatentRank, 512), Nope: n(h.NopeDim, 128), Rope: n(h.RopeDim, 64),
		Value: n(h.ValueDim, 128)}
	c.HeadDim, c.KVHeads = c.Latent.KV+c.Latent.Rope, 1
	p := h.ropeParameters()
	c.Rope.Dims = c.Latent.Rope
	if c.Rope.Scaling == "yarn" { // the ramp depends on the rotated dimensions
		c.Rope, _ = p.rope(h, &family{Interleaved: true, Theta: c.Rope.Base},
			&Config{HeadDim: c.Latent.Rope, Context: c.Context})
	}
	c.Scale.Attention = c.Latent.scale(c.Rope.Factor, or(p.MScaleAllDim, 0))
	return h.routing(c, gating)
}

// scale is the factor of scores: 1/sqrt(Nope+Rope), times the square of YaRN's magnitude where queries and keys do not
// include it.
func (l *Latent) scale(factor, all float64) float64 {
	s := 1 / math.Sqrt(float64(l.Nope+l.Rope))
	if all != 0 && factor > 1 {
		m := 1 + 0.1*all*math.Log(factor)
		s *= m * m
	}
	return single(s)
}

func (r *reader) latent(c *Config) {
	if _, whole := r.tensor("blk.0.attn_kv_b.weight"); whole {
		r.fail(fmt.Errorf("%w: attn_kv_b.weight is one tensor, as in files from before April 2025; convert the model again",
			formats.ErrUnsupported))
		return
	}
	l := &Latent{Query: r.int("attention.q_lora_rank", 0), KV: r.int("attention.kv_lora_rank", -1),
		Value: r.int("attention.value_length_mla", -1)}
	if _, full := r.tensor("blk.0.attn_q.weight"); full {
		l.Query = 0 // whatever the key says
	}
	l.Rope = c.Rope.Dims
	l.Nope = r.int("attention.key_length_mla", -1) - l.Rope
	c.Latent = l
	all := single(10 * r.float("rope.scaling.yarn_log_multiplier", 0))
	if all != 0 && c.Rope.Scaling == "yarn" {
		c.Rope.Magnitude = 1
	}
	if n := r.float("rope.scaling.attn_factor", 1); n != 1 {
		r.fail(fmt.Errorf("%w: metadata key %s.rope.scaling.attn_factor is %v", formats.ErrUnsupported, c.Arch, n))
	}
	c.Scale.Attention = l.scale(c.Rope.Factor, all)
	r.routing(c, r.latentGating(c))
	r.temperature(c, r.int("attention.temperature_length", 0))
}

// latentGating is how scores are made in the first files of models with sigmoids, which do not tell: those have
// corrections, or the shape of GLM-4.7-Flash.
func (r *reader) latentGating(c *Config) Gating {
	if lite := c.Layers == 47 || c.Layers == 48; lite && c.Vocab == 154880 {
		return Sigmoid
	}
	return r.untoldGating()
}

func deepseekMetadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	w := writer{Metadata: m, arch: c.Arch}
	l, e := c.Latent, c.Experts
	w.uint("leading_dense_block_count", e.Dense)
	w.uint("vocab_size", c.Vocab)
	if l.Query > 0 {
		w.uint("attention.q_lora_rank", l.Query)
	}
	w.uint("attention.kv_lora_rank", l.KV)
	w.uint("attention.key_length", c.HeadDim)
	w.uint("attention.value_length", l.KV)
	w.uint("attention.key_length_mla", l.Nope+l.Rope)
	w.uint("attention.value_length_mla", l.Value)
	w.uint("expert_feed_forward_length", e.FFN)
	w.uint("expert_shared_count", e.Shared/max(1, e.FFN))
	w.float("expert_weights_scale", e.Scale)
	if e.Normalize {
		w.set("expert_weights_norm", true)
	}
	w.uint("rope.dimension_count", l.Rope)
	if all := h.ropeParameters().MScaleAllDim; all != nil {
		w.float("rope.scaling.yarn_log_multiplier", 0.1**all)
	}
	if c.NextN > 0 {
		w.uint("nextn_predict_layers", c.NextN)
	}
}

package arch

import (
	"cmp"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/modelcard"
)

// fileTypes maps the type of the whole to general.file_type: unquantized, or with experts in MXFP4.
var fileTypes = map[formats.Type]uint32{
	formats.F32: gguf.FileTypeF32, formats.F16: gguf.FileTypeF16, formats.BF16: gguf.FileTypeBF16,
	formats.MXFP4: gguf.FileTypeMXFP4,
}

// Metadata makes the metadata that llama.cpp's converter writes for a Hugging Face checkpoint, in its order, without
// the vocabulary, which comes last. typ is the type of the whole.
func (h *HFConfig) Metadata(c *Config, info *modelcard.Info, typ formats.Type) *gguf.Metadata {
	f := h.family
	m := new(gguf.Metadata)
	m.Set("general.architecture", f.Arch)
	c.xieluMetadata(m)
	if c.Rope.Scaling == "longrope" {
		m.Set(f.Arch+".rope.scaling.attn_factor", float32(c.Rope.Magnitude))
	}
	m.Set("general.type", "model")
	info.AddTo(m)

	w := writer{m, f.Arch, typ, f.Gaps}
	if f.Parameters != nil {
		f.Parameters(h, c, w)
	} else {
		f.parameters(h, c, w)
	}
	if f.Metadata != nil {
		f.Metadata(h, c, m)
	}
	if f.Pooled && info.Pooling != modelcard.PoolingUnsaid {
		m.Set(f.Arch+".pooling_type", uint32(info.Pooling))
	}
	if f.Suppresses && info.Suppressed != nil {
		m.Set("tokenizer.ggml.suppress_tokens", info.Suppressed)
	}
	m.Set(gguf.KeyQuantizationVersion, gguf.QuantizationVersion)
	return m
}

// writer writes an architecture's keys.
type writer struct {
	*gguf.Metadata
	arch string
	typ  formats.Type
	gaps bool // lists have zeros for layers that lack a part
}

func (w writer) set(key string, value any) { w.Set(w.arch+"."+key, value) }
func (w writer) uint(key string, n int)    { w.set(key, uint32(n)) }
func (w writer) float(key string, v float64) {
	w.set(key, float32(v))
}

func (w writer) fileType() {
	if id, ok := fileTypes[w.typ]; ok {
		w.Set(gguf.KeyFileType, id)
	}
}

// parameters writes the keys that most architectures have.
func (f *family) parameters(h *HFConfig, c *Config, w writer) {
	w.uint("block_count", c.Layers+c.NextN)
	w.uint("context_length", c.Context)
	w.uint("embedding_length", c.Width)
	if c.FFN > 0 {
		w.sizes("feed_forward_length", c, ffn)
	}
	w.sizes("attention.head_count", c, queryN)
	w.sizes("attention.head_count_kv", c, keyN)
	h.ropeMetadata(w, c)
	if c.Norm == RMSNorm {
		w.set("attention.layer_norm_rms_epsilon", c.NormEps)
	} else {
		w.set("attention.layer_norm_epsilon", c.NormEps)
	}
	if c.Experts != nil {
		w.uint("expert_count", c.Experts.Count)
		w.uint("expert_used_count", c.Experts.Used)
		if c.Experts.Groups > 0 {
			w.uint("expert_group_count", c.Experts.Groups)
			w.uint("expert_group_used_count", c.Experts.GroupsUsed)
		}
		if h.scoring() != "" {
			w.gating(c.Experts.Gating)
		}
	} else if h.NumLocalExperts != nil && *h.NumLocalExperts == 0 && h.ExpertsUsed != nil {
		w.uint("expert_count", 0)
		w.uint("expert_used_count", *h.ExpertsUsed)
	}
	// transformers gives most models a head_dim, so the converter finds one.
	if h.HeadDim != nil || !f.NoHeadDim {
		w.uint("attention.key_length", c.HeadDim)
		if c.Latent != nil {
			w.uint("attention.value_length", c.Latent.KV)
		} else {
			w.uint("attention.value_length", c.HeadDim)
		}
	}
	w.fileType()
}

// ropeMetadata adds the keys of RoPE scaling and the bases. llama3 scaling has no keys but the tensor
// rope_freqs.weight.
func (h *HFConfig) ropeMetadata(w writer, c *Config) {
	p := h.ropeParameters()
	number := func(k string, v *float64) {
		if v != nil {
			w.float("rope.scaling."+k, *v)
		}
	}
	switch {
	case p.RopeType == "linear" && p.Factor != nil:
		w.set("rope.scaling.type", "linear")
		number("factor", p.Factor)
	case p.RopeType == "yarn" && p.Factor != nil:
		w.set("rope.scaling.type", "yarn")
		number("factor", p.Factor)
		if p.OriginalMax == nil && h.MaxPosition != nil {
			original := float64(*h.MaxPosition)
			p.OriginalMax = &original
		}
		if p.OriginalMax != nil {
			w.set("rope.scaling.original_context_length", uint32(*p.OriginalMax))
		}
		number("yarn_ext_factor", p.Extrapolation)
		number("yarn_attn_factor", cmp.Or(p.AttentionFactor, p.AttnFactor))
		number("yarn_beta_fast", p.BetaFast)
		number("yarn_beta_slow", p.BetaSlow)
	case p.RopeType == "longrope" || p.RopeType == "su":
		w.set("rope.scaling.type", "longrope")
	}
	if sections := p.sections(); sections != nil {
		w.set("rope.dimension_sections", sections)
	}
	w.float("rope.freq_base", c.Rope.Base)
	if c.LocalRope != nil && (p.Sliding != nil || h.RopeLocalBase != nil) {
		w.float("rope.freq_base_swa", c.LocalRope.Base)
	}
}

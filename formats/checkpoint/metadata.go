package checkpoint

import (
	"bitmill/formats"
	"bitmill/formats/gguf"
)

// quantizationVersion is ggml's GGML_QNT_VERSION: the generation of its block layouts.
const quantizationVersion = 2

// fileTypes gives general.file_type (llama.cpp's llama_ftype) of an unquantized file.
var fileTypes = []struct {
	typ formats.Type
	id  uint32
}{
	{formats.F32, 0}, {formats.F16, 1}, {formats.BF16, 32},
}

// converted makes the metadata that llama.cpp's converter writes for a Hugging Face checkpoint, in its order, but for
// the vocabulary, which comes last.
func converted(h *hfConfig, f *family, c *Config, a *about, typ formats.Type) *gguf.Metadata {
	m := new(gguf.Metadata)
	m.Set("general.architecture", f.Arch)
	m.Set("general.type", "model")
	a.metadata(m)

	key := func(k string) string { return f.Arch + "." + k }
	m.Set(key("block_count"), uint32(c.Layers))
	m.Set(key("context_length"), uint32(c.Context))
	m.Set(key("embedding_length"), uint32(c.Width))
	m.Set(key("feed_forward_length"), uint32(c.FFN))
	m.Set(key("attention.head_count"), uint32(c.Heads))
	m.Set(key("attention.head_count_kv"), uint32(c.KVHeads))
	h.ropeMetadata(m, key)
	m.Set(key("attention.layer_norm_rms_epsilon"), c.NormEps)
	// transformers gives every model but Qwen 2 a head_dim, so the converter finds one.
	if h.HeadDim != nil || f.Type != "qwen2" {
		m.Set(key("attention.key_length"), uint32(c.HeadDim))
		m.Set(key("attention.value_length"), uint32(c.HeadDim))
	}
	for _, t := range fileTypes {
		if t.typ == typ {
			m.Set("general.file_type", t.id)
		}
	}
	f.Metadata(h, c, m)
	m.Set("general.quantization_version", uint32(quantizationVersion))
	return m
}

// ropeMetadata adds the scaling's keys and the base. llama3 scaling has no keys: it is the tensor rope_freqs.weight.
func (h *hfConfig) ropeMetadata(m *gguf.Metadata, key func(string) string) {
	p := h.ropeParameters()
	number := func(k string, v *float64) {
		if v != nil {
			m.Set(key("rope.scaling."+k), float32(*v))
		}
	}
	switch {
	case p.RopeType == "linear" && p.Factor != nil:
		m.Set(key("rope.scaling.type"), "linear")
		number("factor", p.Factor)
	case p.RopeType == "yarn" && p.Factor != nil:
		m.Set(key("rope.scaling.type"), "yarn")
		number("factor", p.Factor)
		if p.OriginalMax == nil && h.MaxPosition != nil {
			original := float64(*h.MaxPosition)
			p.OriginalMax = &original
		}
		if p.OriginalMax != nil {
			m.Set(key("rope.scaling.original_context_length"), uint32(*p.OriginalMax))
		}
		number("yarn_ext_factor", p.Extrapolation)
		if p.AttentionFactor == nil {
			p.AttentionFactor = p.AttnFactor
		}
		number("yarn_attn_factor", p.AttentionFactor)
		number("yarn_beta_fast", p.BetaFast)
		number("yarn_beta_slow", p.BetaSlow)
	case p.RopeType == "longrope" || p.RopeType == "su":
		m.Set(key("rope.scaling.type"), "longrope")
	}
	m.Set(key("rope.freq_base"), float32(*p.Theta))
}

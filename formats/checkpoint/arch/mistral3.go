package arch

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// mistral3 (Mistral Small 3.1 and 3.2, Magistral, Devstral Small) is mistral beside an encoder of images.
var mistral3 = family{
	Type: "mistral3", Arch: "mistral3",
	Context:  mistral.Context,
	KVHeads:  mistral.KVHeads,
	Sliding:  mistral.Sliding,
	Class:    mistral.Class,
	Layer:    decoder,
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Config:     windowEverywhere,
	Metadata:   llamaMetadata,
	Vocabulary: llamaVocabulary,
}

// ministral3 (Ministral 3) scales positions by YaRN without its magnitude, and queries beyond the original context by a
// temperature that grows with the position.
var ministral3 = family{
	Type: "ministral3", Arch: "mistral3",
	Context: 262144, HeadDim: 128, KVHeads: 8,
	Class:    ClassSizes{Width: 4096, FFN: 14336, Layers: 34, Heads: 32, Vocab: 131072},
	Eps:      1e-5,
	Layer:    decoder,
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Scaling: &ropeParameters{RopeType: "yarn", Theta: of(1e6), Factor: of(16.0), OriginalMax: of(16384.0), BetaFast: of(32.0),
		BetaSlow: of(1.0), MScale: of(1.0), MScaleAllDim: of(1.0), TemperatureBeta: of(0.1)},
	Config: func(h *HFConfig, c *Config) error {
		c.Window = h.window()
		p := h.ropeParameters()
		if c.Rope.Scaling != "yarn" || p.TemperatureBeta == nil || p.MScaleAllDim == nil {
			return fmt.Errorf("%w: model_type ministral3 without rope_type yarn, mscale_all_dim and llama_4_scaling_beta",
				formats.ErrUnsupported)
		}
		c.Temperature = Temperature{Scale: single(*p.TemperatureBeta), Length: c.Rope.OriginalContext}
		return nil
	},
	Read: func(r *reader, c *Config) {
		r.logMultiplier(c)
		r.temperature(c, r.int("rope.scaling.original_context_length", c.Context))
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		llamaMetadata(h, c, m)
		p, w := h.ropeParameters(), writer{Metadata: m, arch: c.Arch}
		w.float("rope.scaling.yarn_log_multiplier", or(p.MScaleAllDim, 0))
		w.float("attention.temperature_scale", or(p.TemperatureBeta, 0))
	},
	Vocabulary: llamaVocabulary,
}

func of(v float64) *float64 { return &v }

// logMultiplier reads the multiplier m of YaRN that divides the magnitude by 1 + 0.1 m ln(factor).
func (r *reader) logMultiplier(c *Config) {
	all := r.float("rope.scaling.yarn_log_multiplier", 0)
	if all != 0 && c.Rope.Scaling == "yarn" {
		p := ropeParameters{MScale: of(1), MScaleAllDim: &all}
		c.Rope.Magnitude = p.yarnMagnitude(c.Rope.Factor) * r.float("rope.scaling.attn_factor", 1)
	}
}

// temperature reads by how much queries grow with every length positions.
func (r *reader) temperature(c *Config, length int) {
	scale := r.float("attention.temperature_scale", 0)
	if scale == 0 {
		return
	}
	if c.Temperature = (Temperature{scale, length}); length == 0 {
		r.fail(fmt.Errorf("%w: the attention of %s has a temperature without a length", formats.ErrCorrupt, c.Arch))
	}
}

// untempered fails when config.json asks for a temperature that the family does not have.
func (h *HFConfig) untempered(c *Config) error {
	if p := h.ropeParameters(); or(p.TemperatureBeta, 0) != 0 && c.Temperature.Scale == 0 {
		return fmt.Errorf("%w: llama_4_scaling_beta %v in model_type %s", formats.ErrUnsupported, *p.TemperatureBeta, c.Family)
	}
	return nil
}

// sections are the numbers of pairs that turn by each coordinate of a place in a picture, filled up to four; nil when
// config.json has none.
func (p *ropeParameters) sections() []int32 {
	if p.Sections == nil {
		return nil
	}
	list := make([]int32, 4)
	copy(list, p.Sections)
	return list
}

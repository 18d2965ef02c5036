package arch

import "slices"

// mamba2 (Mamba 2, arXiv 2405.21060, and Codestral Mamba) has a state space in each layer and nothing else.
var mamba2 = family{
	Type: "mamba2", Arch: "mamba2",
	Context: 1 << 20, Eps: 1e-5,
	Common: nemotronOutside, Stem: "backbone.layers.",
	Layer: slices.Concat([]tensorSpec{{HF: "norm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}}},
		stateSpace("mixer.")),
	Variant:   Variant{Single: true},
	Spellings: (*HFConfig).spellMamba,
	Config: func(h *HFConfig, c *Config) error {
		c.onlyMamba()
		return h.mixerSpace(c, value(h.SSMHeads, 128), value(h.NemotronHeadDim, 64), 128, 8)
	},
	Read:       func(r *reader, c *Config) { c.onlyMamba(); r.stateSpace(c) },
	Parameters: func(h *HFConfig, c *Config, w writer) { ssmParameters(c, w) },
}

// spellMamba takes the size of heads for the state space, and says that there are none of attention.
func (h *HFConfig) spellMamba() {
	if h.HeadDim == nil || *h.HeadDim > 0 { // not yet
		h.NemotronHeadDim = h.HeadDim
	}
	none := 0
	h.IntermediateSize, h.Heads, h.KVHeads, h.HeadDim = &none, &none, &none, &none
	h.ConvBias = h.UseConvBias == nil || *h.UseConvBias
	if h.NormEpsOld != nil {
		h.RMSNormEps = h.NormEpsOld
	}
}

// onlyMamba makes all layers state spaces.
func (c *Config) onlyMamba() {
	c.Mixer, c.PerLayer, c.Rope = Mamba, nil, Rope{}
	c.FFN, c.Heads, c.KVHeads, c.HeadDim = 0, 0, 0, 0
}

package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// graniteSWA is granite with a sink beside the scores of each head, a window in three layers of four, beginning with
// the second, and layers without positions.
var graniteSWA = family{
	Type: "granite_swa", Arch: "granite_swa",
	Context: 8192, KVHeads: 4, Sliding: 128, Tied: true,
	Eps: 1e-5,
	Layer: slices.Concat(granite.Layer, []tensorSpec{
		vector("self_attn.sinks", "attn_sinks.weight", queryN, always),
	}),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Config: func(h *HFConfig, c *Config) error {
		if c.Window = h.window(); c.Window > 0 {
			pattern := make([]bool, c.Layers)
			for i := range pattern {
				pattern[i] = i%4 != 0
			}
			c.WindowLayers = h.layerTypes(pattern)
		}
		if len(h.NoRopeLayers) == c.Layers {
			c.RopeLayers = make([]bool, c.Layers)
			for i := range c.RopeLayers {
				c.RopeLayers[i] = h.NoRopeLayers[i] != 0
			}
		}
		if err := h.layerThetas(c); err != nil {
			return err
		}
		return granite.Config(h, c)
	},
	Read: func(r *reader, c *Config) {
		granite.Read(r, c)
		r.window(c, 0, -1)
		c.RopeLayers = r.layers("granite_swa.attention.rope_pattern", c.Layers)
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		granite.Metadata(h, c, m)
		windowMetadata(c, m)
		if c.RopeLayers != nil {
			m.Set("granite_swa.attention.rope_pattern", c.RopeLayers)
		}
	},
	Vocabulary: llamaVocabulary,
}

// layerThetas reads layer_rope_theta, a RoPE base for each layer, 0 for none. GGUF has a key for one base.
func (h *HFConfig) layerThetas(c *Config) error {
	if len(h.LayerThetas) == 0 {
		return nil
	}
	if len(h.LayerThetas) != c.Layers {
		return fmt.Errorf("%w: layer_rope_theta has %d entries for %d layers", formats.ErrUnsupported, len(h.LayerThetas),
			c.Layers)
	}
	rotated, base := make([]bool, c.Layers), 0.0
	for i, theta := range h.LayerThetas {
		if rotated[i] = theta != 0; !rotated[i] {
			continue
		}
		if base != 0 && theta != base {
			return fmt.Errorf("%w: layer_rope_theta names several bases, %v and %v", formats.ErrUnsupported, base, theta)
		}
		base = theta
	}
	if slices.Contains(rotated, false) {
		c.RopeLayers = rotated
	}
	if base != 0 {
		c.Rope.Base = base
	}
	return nil
}

package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// mellum (JetBrains Mellum 2) is qwen3MoE with a window in the layers that config.json lists, which have a RoPE base of
// their own.
var mellum = family{
	Type: "mellum", Arch: "mellum",
	Context: 131072, HeadDim: 128, KVHeads: 4, Sliding: 1024,
	Theta:   500000,
	Layer:   qwen3MoE.Layer,
	PerKind: true,
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 64, Used: 8, FFN: 896, Normalize: true}},
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		if slices.Contains(h.MLPTypes, "dense") {
			return fmt.Errorf("%w: dense layers in model_type %s", formats.ErrUnsupported, c.Family)
		}
		if h.windows(c, 1); len(h.LayerTypes) == 0 {
			c.Window, c.WindowLayers = 0, nil
		}
		return h.unscaledLocal(c)
	},
	Read: func(r *reader, c *Config) {
		c.Experts.Normalize = true
		r.expertWidth(c)
		if r.window(c, 4, 0); c.Window > 0 {
			r.localRope(c, c.Rope.Base)
		}
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("mellum.expert_feed_forward_length", uint32(c.Experts.FFN))
		windowMetadata(c, m)
	},
}

package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// cohere2 (Command R7B, Command A, Tiny Aya) is cohere with a window in three layers of four and no positions in the
// others.
var cohere2 = family{
	Type: "cohere2", Arch: "cohere2",
	Context: 8192, Sliding: 4096, Tied: true, Joint: true,
	Eps:         1e-5,
	Layer:       slices.Concat(without(decoder, "ffn_norm.weight"), qkvBias(attentionBias), outputBias),
	Interleaved: true,
	Variant:     Variant{Norm: LayerNorm, Parallel: true},
	Config: func(h *HFConfig, c *Config) error {
		c.Scale.Logit = single(or(h.LogitScale, 0.0625))
		h.windows(c, 4)
		c.rotateWindowed()
		if part := or(h.RotaryPct, 1); part != 1 {
			return fmt.Errorf("%w: rotary_pct %v in model_type %s", formats.ErrUnsupported, part, c.Family)
		}
		return nil
	},
	Read: func(r *reader, c *Config) {
		c.Scale.Logit = r.float("logit_scale", 0)
		r.window(c, 4, -1)
		c.rotateWindowed()
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("cohere2.logit_scale", float32(c.Scale.Logit))
		m.Set("cohere2.attention.sliding_window", uint32(c.Window))
		m.Set("cohere2.vocab_size", uint32(c.Vocab))
		m.Set("cohere2.rope.dimension_count", uint32(c.Rope.Dims))
		m.Set("cohere2.rope.scaling.type", "none")
	},
}

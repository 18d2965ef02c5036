package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// spark (Spark-X2.5) has a gate for each head of attention, whose queries, keys and values are one matrix, a window in
// the layers that config.json lists, and another part of each head rotated there.
var spark = family{
	Type: "spark2_5", Arch: "spark2_5",
	Context: 32768,
	Rotary:  1,
	Layer: slices.Concat(without(decoder, "attn_q.weight", "attn_k.weight", "attn_v.weight"), []tensorSpec{
		{HF: "self_attn.q_k_v_proj.weight", GGUF: "attn_qkv.weight", Shape: []dim{qkv, width}},
		{HF: "self_attn.g_proj.weight", GGUF: "attn_gate.weight", Shape: []dim{queryN, width}},
	}),
	PerKind: true,
	Variant: Variant{Activation: GELU},
	Only: func(h *HFConfig) error {
		if h.GateMode != "sigmoid" || !h.HeadGates || len(h.LayerTypes) == 0 || h.window() == 0 {
			return fmt.Errorf("%w: model_type spark2_5 without a window, layer_types or sigmoids as gates of heads",
				formats.ErrUnsupported)
		}
		return nil
	},
	Config: func(h *HFConfig, c *Config) (err error) {
		h.windows(c, 1)
		local := h.ropeParameters().Sliding
		if local == nil || c.Rope.Scaling != "" {
			return fmt.Errorf("%w: model_type spark2_5 with one RoPE for all layers, or with a scaled one",
				formats.ErrUnsupported)
		}
		r, err := local.rope(h, h.family, c)
		if c.LocalRope = &r; err == nil && r.Scaling != "" {
			err = fmt.Errorf("%w: RoPE scaling %q in model_type spark2_5", formats.ErrUnsupported, r.Scaling)
		}
		return err
	},
	Read: func(r *reader, c *Config) {
		r.window(c, 0, -1)
		r.localRope(c, c.Rope.Base)
		c.LocalRope.Dims = r.int("rope.dimension_count_swa", c.Rope.Dims)
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("spark2_5.vocab_size", uint32(c.Vocab))
		windowMetadata(c, m)
		m.Set("spark2_5.rope.dimension_count", uint32(c.Rope.Dims))
		if c.LocalRope != nil {
			m.Set("spark2_5.rope.dimension_count_swa", uint32(c.LocalRope.Dims))
		}
	},
}

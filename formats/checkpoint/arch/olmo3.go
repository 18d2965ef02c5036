package arch

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// olmo3 (OLMo 3 and 3.1) is olmo2 with a window in three layers of four. RoPE scaling is for the others only.
var olmo3 = family{
	Type: "olmo3", Arch: "olmo2",
	Context: 2048,
	Sliding: 4096,
	Theta:   500000,
	Eps:     1e-5,
	Layer:   olmo2.Layer,
	PerKind: true,
	Config: func(h *HFConfig, c *Config) error {
		h.windows(c, 4)
		return h.unscaledLocal(c)
	},
	NoHeadDim: true,
	Metadata:  func(h *HFConfig, c *Config, m *gguf.Metadata) { windowMetadata(c, m) },
}

// unscaledLocal sets the RoPE of layers with a window, which no scaling changes: GGUF has keys for its base only.
func (h *HFConfig) unscaledLocal(c *Config) error {
	if c.Window == 0 {
		return nil
	}
	c.LocalRope = &Rope{Base: c.Rope.Base, Dims: c.Rope.Dims}
	local := h.ropeParameters().Sliding
	if local == nil {
		return nil
	}
	c.LocalRope.Base = or(local.Theta, c.Rope.Base)
	if local.RopeType != "" && local.RopeType != "default" {
		return fmt.Errorf("%w: RoPE scaling %q of layers with a window in model_type %s", formats.ErrUnsupported,
			local.RopeType, c.Family)
	}
	return nil
}

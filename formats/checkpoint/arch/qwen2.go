package arch

import "slices"

// qwen2 (Qwen 2 and 2.5) has biases on Q, K and V, always, and a sliding window over the upper layers when asked for
// (arXiv 2407.10671).
var qwen2 = family{
	Type: "qwen2", Arch: "qwen2",
	Context:   32768,
	KVHeads:   32,
	Sliding:   4096,
	Pooled:    true,
	Layer:     slices.Concat(decoder, qkvBias(always)),
	Config:    qwenWindow,
	NoHeadDim: true,
}

// qwenWindow applies sliding_window only with use_sliding_window, to the layers listed in layer_types, or else to those
// from max_window_layers on.
func qwenWindow(h *HFConfig, c *Config) error {
	if !h.UseSlidingWindow || h.window() == 0 {
		return nil
	}
	from := 28
	if h.MaxWindowLayers != nil {
		from = *h.MaxWindowLayers
	}
	upper := make([]bool, c.Layers)
	for i := range upper {
		upper[i] = i >= from
	}
	if layers := h.layerTypes(upper); slices.Contains(layers, true) {
		c.Window, c.WindowLayers = h.window(), layers
	}
	return nil
}

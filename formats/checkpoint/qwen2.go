package checkpoint

import (
	"slices"

	"bitmill/formats/gguf"
)

// qwen2 (Qwen 2 and 2.5) has biases on Q, K and V, always, and a sliding window over the upper layers when asked for
// (arXiv 2407.10671).
var qwen2 = family{
	Type: "qwen2", Arch: "qwen2",
	Context:  32768,
	KVHeads:  32,
	Sliding:  4096,
	Layer:    slices.Concat(decoder, qkvBias(always)),
	Window:   qwenWindow,
	Metadata: noMetadata,
}

// qwenWindow: sliding_window counts only with use_sliding_window. The layers that have it are listed in layer_types,
// or else are those from max_window_layers on.
func qwenWindow(h *hfConfig, c *Config) {
	if !h.UseSlidingWindow || h.window() == 0 {
		return
	}
	from := 28
	if h.MaxWindowLayers != nil {
		from = *h.MaxWindowLayers
	}
	layers, found := make([]bool, c.Layers), false
	for i := range layers {
		if len(h.LayerTypes) > 0 {
			layers[i] = i < len(h.LayerTypes) && h.LayerTypes[i] == "sliding_attention"
		} else {
			layers[i] = i >= from
		}
		found = found || layers[i]
	}
	if found {
		c.Window, c.WindowLayers = h.window(), layers
	}
}

func noMetadata(*hfConfig, *Config, *gguf.Metadata) {}

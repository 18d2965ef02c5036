package arch

import "bitmill/formats/gguf"

// windows sets the sliding window, if there is one, and the layers that have it: those of layer_types, or else what
// sliding_window_pattern says: a number n for all layers but every n-th, or a word with L for layers with a window, which
// repeats; without the key, n is every.
func (h *HFConfig) windows(c *Config, every int) {
	if c.Window = h.window(); c.Window == 0 {
		return
	}
	if h.WindowPattern != nil && *h.WindowPattern > 0 {
		every = *h.WindowPattern
	}
	pattern := everyNth(every, c.Layers)
	for i := range pattern {
		if n := len(h.windowLetters); n > 0 {
			pattern[i] = h.windowLetters[i%n] == 'L'
		}
	}
	c.WindowLayers = h.layerTypes(pattern)
}

// rotateWindowed leaves RoPE out of layers without a window (NoPE, arXiv 2501.18795).
func (c *Config) rotateWindowed() {
	c.RopeLayers = make([]bool, c.Layers)
	copy(c.RopeLayers, c.WindowLayers)
}

// windowMetadata writes the sliding window and the layers that have it.
func windowMetadata(c *Config, m *gguf.Metadata) {
	if c.Window > 0 {
		m.Set(c.Arch+".attention.sliding_window", uint32(c.Window))
		m.Set(c.Arch+".attention.sliding_window_pattern", c.WindowLayers)
	}
}

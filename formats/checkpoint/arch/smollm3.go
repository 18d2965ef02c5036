package arch

import "slices"

// smolLM3 is llama without RoPE in every fourth layer (huggingface.co/blog/smollm3). GGUF files have no key for other
// patterns; see RopeLayersKey.
var smolLM3 = family{
	Type: "smollm3", Arch: "smollm3",
	Context:  32768,
	KVHeads:  4,
	Theta:    2e6,
	Tied:     true,
	Layer:    slices.Concat(decoder, qkvBias(attentionBias), outputBias, mlpBiases),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Config: func(h *HFConfig, c *Config) error {
		every := 4
		if n := h.NoRopeInterval; n != nil && *n > 0 {
			every = *n
		}
		c.RopeLayers = everyNth(every, c.Layers)
		for i := range c.RopeLayers[:min(len(h.NoRopeLayers), c.Layers)] {
			c.RopeLayers[i] = h.NoRopeLayers[i] != 0
		}
		if h.UseSlidingWindow && h.window() > 0 {
			c.Window, c.WindowLayers = h.window(), h.layerTypes(c.RopeLayers)
		}
		return nil
	},
	Read:       func(r *reader, c *Config) { c.RopeLayers = everyNth(4, c.Layers) },
	NoHeadDim:  true,
	Metadata:   llamaMetadata,
	Vocabulary: llamaVocabulary,
}

package arch

// mistral is llama with a sliding window over all layers (arXiv 2310.06825). GGUF files call it llama and have no key
// for the window; see WindowKey.
var mistral = family{
	Type: "mistral", Arch: "llama",
	Context:  131072,
	Class:    ClassSizes{Width: 4096, FFN: 14336, Layers: 32, Heads: 32, Vocab: 32000},
	KVHeads:  8,
	Sliding:  4096,
	Layer:    decoder,
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Config:     windowEverywhere,
	Metadata:   llamaMetadata,
	Vocabulary: llamaVocabulary,
}

// windowEverywhere gives all layers the sliding_window.
func windowEverywhere(h *HFConfig, c *Config) error {
	c.Window = h.window()
	return nil
}

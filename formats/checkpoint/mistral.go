package checkpoint

// mistral is llama with a sliding window over all layers (arXiv 2310.06825). GGUF files call it llama and have no key
// for the window; see WindowKey.
var mistral = family{
	Type: "mistral", Arch: "llama",
	Context:     131072,
	Layer:       decoder,
	Interleaved: true,
	Window:      mistralWindow,
	Metadata:    llamaMetadata,
	Vocabulary:  llamaVocabulary,
}

// mistralWindow: an absent sliding_window means 4096, as in transformers; null means none.
func mistralWindow(h *hfConfig, c *Config) {
	switch {
	case len(h.SlidingWindow) == 0:
		c.Window = 4096
	default:
		c.Window = h.window()
	}
}

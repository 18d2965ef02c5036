package checkpoint

import (
	"slices"

	"bitmill/formats/gguf"
)

// llama is the decoder that the others vary: RMSNorm, RoPE, grouped-query attention, SwiGLU (arXiv 2302.13971), with
// optional biases and, since Llama 3.1, scaled RoPE.
var llama = family{
	Type: "llama", Arch: "llama",
	Context:     2048,
	Layer:       slices.Concat(decoder, qkvBias(attentionBias), outputBias, mlpBiases),
	Interleaved: true,
	Metadata:    llamaMetadata,
}

// llamaMetadata adds what GGUF files of architecture llama hold and others do not.
func llamaMetadata(h *hfConfig, c *Config, m *gguf.Metadata) {
	m.Set("llama.vocab_size", uint32(c.Vocab))
	m.Set("llama.rope.dimension_count", uint32(c.Rope.Dims))
}

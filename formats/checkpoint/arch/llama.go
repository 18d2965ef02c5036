package arch

import (
	"slices"

	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// llama is the decoder that other families vary: RMSNorm, RoPE, grouped-query attention, SwiGLU (arXiv 2302.13971),
// with optional biases and, since Llama 3.1, scaled RoPE.
var llama = family{
	Type: "llama", Arch: "llama",
	Context:  2048,
	Class:    ClassSizes{Width: 4096, FFN: 11008, Layers: 32, Heads: 32, Vocab: 32000},
	Layer:    slices.Concat(decoder, qkvBias(attentionBias), outputBias, mlpBiases),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Metadata:   llamaMetadata,
	Vocabulary: llamaVocabulary,
}

// llamaMetadata adds the keys that only GGUF files of architecture llama and its descendants have.
func llamaMetadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	m.Set(c.Arch+".vocab_size", uint32(c.Vocab))
	m.Set(c.Arch+".rope.dimension_count", uint32(c.Rope.Dims))
}

// llamaVocabulary recognizes two vocabularies by their size, as the converter does: Code Llama's has an end-of-turn
// token that its tokenizer does not name, and texts of models with SmolLM's 49152 tokens begin without BOS.
func llamaVocabulary(c *Config, m *gguf.Metadata, t *tokenizer.Tokenizer) {
	const eot = "tokenizer.ggml.eot_token_id"
	switch c.Vocab {
	case 32016:
		if _, ok := m.Get(eot); !ok {
			m.Set(eot, uint32(32010))
		}
	case 49152:
		m.Set("tokenizer.ggml.add_bos_token", false)
		t.AddBOS = false
	}
}

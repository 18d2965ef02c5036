package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// granite is llama with multipliers on embedding, scores, branches and logits (IBM Granite 3).
var granite = family{
	Type: "granite", Arch: "granite",
	Context:  2048,
	Layer:    slices.Concat(decoder, qkvBias(attentionBias), outputBias, mlpBiases),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Config: func(h *HFConfig, c *Config) error {
		c.Scale = Scales{
			Embedding: single(or(h.EmbeddingMultiplier, 1)), Attention: single(or(h.AttentionMultiplier, 1)),
			Residual: single(or(h.ResidualMultiplier, 1)), Logit: 1 / single(or(h.LogitsScaling, 1)),
		}
		return nil
	},
	Read: func(r *reader, c *Config) {
		c.Scale = Scales{
			Embedding: r.float("embedding_scale", 0), Attention: r.float("attention.scale", 0),
			Residual: r.float("residual_scale", 0),
		}
		if s := r.float("logit_scale", 0); s != 0 {
			c.Scale.Logit = 1 / s
		}
		rotates, told, err := r.m.Bool(c.Arch + ".rope.scaling.finetuned")
		if r.fail(err); told && !rotates { // what the key means in this architecture
			c.RopeLayers = make([]bool, c.Layers)
		}
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		llamaMetadata(h, c, m)
		m.Set(c.Arch+".attention.scale", float32(c.Scale.Attention))
		m.Set(c.Arch+".embedding_scale", float32(c.Scale.Embedding))
		m.Set(c.Arch+".residual_scale", float32(c.Scale.Residual))
		m.Set(c.Arch+".logit_scale", float32(1/c.Scale.Logit))
	},
	Vocabulary: llamaVocabulary,
}

package arch

// glm4MoELite (GLM-4.7-Flash) has the latent attention and the experts of DeepSeek V3, and a block behind the layers
// that predicts one token more. Its files leave it to llama.cpp to know that scores are sigmoids.
var glm4MoELite = family{
	Type: "glm4_moe_lite", Arch: "deepseek2",
	Context: 202752, HeadDim: 64,
	Eps:         1e-5,
	Layer:       deepseekLayer,
	Interleaved: true,
	MoE:         true,
	Predictors:  kept,
	Variant:     Variant{Experts: &Experts{Dense: 1, Normalize: true}, Latent: &Latent{}},
	Spellings:   func(h *HFConfig) { h.HeadDim = nil }, // in transformers another name of qk_rope_head_dim
	Config:      func(h *HFConfig, c *Config) error { return h.latent(c, Sigmoid) },
	NoHeadDim:   true,
	Forced:      glmTokens,
	Metadata:    deepseekMetadata,
}

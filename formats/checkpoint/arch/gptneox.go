package arch

// gptNeoX (GPT-NeoX 20B, arXiv 2204.06745; Pythia, Dolly 2) has biases everywhere, norms with mean and bias, and one
// matrix with the queries, keys and values of a head below each other. Attention and feed-forward layer run side by
// side, each with its own norm, in most models.
var gptNeoX = family{
	Type: "gpt_neox", Arch: "gptneox",
	Context: 2048,
	Eps:     1e-5,
	Rotary:  0.25,
	Stem:    "gpt_neox.layers.",
	Common: []tensorSpec{
		{HF: "embed_out.weight", GGUF: "output.weight", Shape: []dim{vocab, width}, Need: untied},
		{HF: "gpt_neox.embed_in.weight", GGUF: "token_embd.weight", Shape: []dim{vocab, width}},
		vector("gpt_neox.final_layer_norm.weight", "output_norm.weight", width, always),
		vector("gpt_neox.final_layer_norm.bias", "output_norm.bias", width, always),
	},
	Layer: []tensorSpec{
		vector("input_layernorm.weight", "attn_norm.weight", width, always),
		vector("input_layernorm.bias", "attn_norm.bias", width, always),
		{HF: "attention.query_key_value.weight", GGUF: "attn_qkv.weight", Shape: []dim{qkv, width}, Layout: byKind},
		{HF: "attention.query_key_value.bias", GGUF: "attn_qkv.bias", Shape: []dim{qkv}, Need: attentionBias, Layout: byKind},
		{HF: "attention.dense.weight", GGUF: "attn_output.weight", Shape: []dim{width, heads}},
		vector("attention.dense.bias", "attn_output.bias", width, attentionBias),
		vector("post_attention_layernorm.weight", "ffn_norm.weight", width, always),
		vector("post_attention_layernorm.bias", "ffn_norm.bias", width, always),
		{HF: "mlp.dense_h_to_4h.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width}},
		vector("mlp.dense_h_to_4h.bias", "ffn_up.bias", ffn, always),
		{HF: "mlp.dense_4h_to_h.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}},
		vector("mlp.dense_4h_to_h.bias", "ffn_down.bias", width, always),
	},
	Variant:     Variant{Norm: LayerNorm, Activation: GELU},
	Activations: []Activation{GELUTanh},
	Defaults:    func(h *HFConfig) { h.AttentionBias = true },
	Spellings: func(h *HFConfig) {
		h.KVHeads = nil // each query head has its own keys and values
		if h.PartialRotary == nil {
			h.PartialRotary = h.RotaryPct
		}
		if h.RopeTheta == nil {
			h.RopeTheta = h.RotaryBase
		}
	},
	Config: func(h *HFConfig, c *Config) error {
		c.Parallel = h.Parallel == nil || *h.Parallel
		return nil
	},
	Read: func(r *reader, c *Config) {
		parallel, _, err := r.m.Bool("gptneox.use_parallel_residual")
		r.fail(err)
		c.Parallel = parallel
	},
	Parameters: func(h *HFConfig, c *Config, w writer) {
		w.uint("context_length", c.Context)
		w.uint("embedding_length", c.Width)
		w.uint("block_count", c.Layers)
		w.sizes("feed_forward_length", c, ffn)
		w.uint("rope.dimension_count", c.Rope.Dims)
		w.sizes("attention.head_count", c, queryN)
		w.set("use_parallel_residual", c.Parallel)
		w.set("attention.layer_norm_epsilon", c.NormEps)
		if c.Rope.Base != 10000 || c.Rope.Scaling != "" {
			h.ropeMetadata(w, c)
		}
	},
}

// byKind takes the queries of all heads first, then the keys, then the values.
func byKind(c *Config) Layout {
	return Layout{Tile: Tile{Groups: int64(c.Heads), Heads: 3, Size: int64(c.HeadDim)}}
}

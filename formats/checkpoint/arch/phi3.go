package arch

import "slices"

// phi3 has one matrix for queries, keys and values and one for gate and up, and factors for long contexts
// (arXiv 2404.14219).
var phi3 = family{
	Type: "phi3", Arch: "phi3",
	Context:  4096,
	Eps:      1e-5,
	Rotary:   1,
	LongRope: true,
	Layer: slices.Concat(without(decoder, "attn_q.weight", "attn_k.weight", "attn_v.weight", "ffn_gate.weight",
		"ffn_up.weight"), []tensorSpec{
		{HF: "self_attn.qkv_proj.weight", GGUF: "attn_qkv.weight", Shape: []dim{qkv, width}},
		{HF: "mlp.gate_up_proj.weight", GGUF: "ffn_up.weight", Shape: []dim{twoFFN, width}},
	}),
	Config: windowEverywhere,
	Read:   func(r *reader, c *Config) { c.Window = r.int("attention.sliding_window", 0) },
	Parameters: func(h *HFConfig, c *Config, w writer) {
		original := c.Context
		if n := h.ropeParameters().OriginalMax; n != nil {
			original = int(*n)
		}
		w.uint("context_length", c.Context)
		w.uint("rope.scaling.original_context_length", original)
		w.uint("embedding_length", c.Width)
		w.sizes("feed_forward_length", c, ffn)
		w.uint("block_count", c.Layers)
		w.sizes("attention.head_count", c, queryN)
		w.sizes("attention.head_count_kv", c, keyN)
		w.set("attention.layer_norm_rms_epsilon", c.NormEps)
		w.uint("rope.dimension_count", c.Rope.Dims)
		w.float("rope.freq_base", c.Rope.Base)
		w.fileType()
		w.uint("attention.sliding_window", c.Window)
	},
}

package arch

import "slices"

// olmo2 normalizes the outputs of attention and feed-forward layer instead of their inputs, and queries and keys over
// the whole row (arXiv 2501.00656).
var olmo2 = family{
	Type: "olmo2", Arch: "olmo2",
	Context: 2048,
	Eps:     1e-5,
	Layer: slices.Concat(without(decoder, "attn_norm.weight", "ffn_norm.weight"), qkvBias(attentionBias), outputBias,
		[]tensorSpec{
			vector("post_attention_layernorm.weight", "post_attention_norm.weight", width, always),
			vector("post_feedforward_layernorm.weight", "post_ffw_norm.weight", width, always),
			vector("self_attn.q_norm.weight", "attn_q_norm.weight", heads, always),
			vector("self_attn.k_norm.weight", "attn_k_norm.weight", kvHeads, always),
		}),
	Read: func(r *reader, c *Config) { // OLMo 3 has a window in three layers of four, which no scaling of RoPE changes
		if r.window(c, 4, 0); c.Window > 0 {
			r.localRope(c, c.Rope.Base)
		}
	},
	NoHeadDim: true,
}

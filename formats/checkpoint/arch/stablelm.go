package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
)

// stableLM rotates a quarter of each head and has norms with mean and bias; some models run attention and feed-forward
// layer side by side, some normalize queries and keys, each head with a gain of its own (StableLM 2).
var stableLM = family{
	Type: "stablelm", Arch: "stablelm",
	Context: 4096, KVHeads: 32,
	Eps:    1e-5,
	Rotary: 0.25,
	Outside: []tensorSpec{
		vector("model.norm.bias", "output_norm.bias", width, always),
	},
	Layer: slices.Concat(without(decoder, "ffn_norm.weight"), qkvBias(qkvBiases), []tensorSpec{
		vector("input_layernorm.bias", "attn_norm.bias", width, always),
		vector("post_attention_layernorm.weight", "ffn_norm.weight", width, sequential),
		vector("post_attention_layernorm.bias", "ffn_norm.bias", width, sequential),
		{HF: "self_attn.q_layernorm.norms.%d.weight", GGUF: "attn_q_norm.weight", Shape: []dim{queryN, headDim},
			Need: qkNorm},
		{HF: "self_attn.k_layernorm.norms.%d.weight", GGUF: "attn_k_norm.weight", Shape: []dim{keyN, headDim}, Need: qkNorm},
	}),
	Variant: Variant{Norm: LayerNorm},
	Config: func(h *HFConfig, c *Config) error {
		c.Parallel = h.Parallel != nil && *h.Parallel
		return nil
	},
	Read: func(r *reader, c *Config) {
		parallel, _, err := r.m.Bool("stablelm.use_parallel_residual")
		r.fail(err)
		c.Parallel = parallel
		if _, two := r.tensor("blk.0.ffn_norm.weight"); two == parallel { // the norms tell as well
			r.fail(fmt.Errorf("%w: metadata key stablelm.use_parallel_residual is %v, which the norms contradict",
				formats.ErrCorrupt, parallel))
		}
	},
	Parameters: func(h *HFConfig, c *Config, w writer) {
		w.uint("context_length", c.Context)
		w.uint("embedding_length", c.Width)
		w.uint("block_count", c.Layers)
		w.sizes("feed_forward_length", c, ffn)
		w.uint("rope.dimension_count", c.Rope.Dims)
		w.sizes("attention.head_count", c, queryN)
		w.sizes("attention.head_count_kv", c, keyN)
		w.set("use_parallel_residual", c.Parallel)
		w.set("attention.layer_norm_epsilon", c.NormEps)
		w.fileType()
	},
}

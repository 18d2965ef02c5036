package arch

import (
	"fmt"
	"math"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// afmoe (Arcee's Trinity) has a window and RoPE in three layers of four, a gate behind attention, norms before and
// behind each branch, and experts chosen by corrected sigmoids. Published models scale the embedding by sqrt(width),
// and llama.cpp scales it in all.
var afmoe = family{
	Type: "afmoe", Arch: "afmoe",
	Context: 16384, HeadDim: 128, Sliding: 1024,
	Eps: 1e-5,
	Layer: slices.Concat(without(decoder, "ffn_norm.weight"), qkvBias(attentionBias), outputBias, headNorms, expertStacks,
		sharedExperts, []tensorSpec{
			vector("post_attention_layernorm.weight", "post_attention_norm.weight", width, always),
			vector("pre_mlp_layernorm.weight", "ffn_norm.weight", width, always),
			vector("post_mlp_layernorm.weight", "post_ffw_norm.weight", width, always),
			{HF: "self_attn.gate_proj.weight", GGUF: "attn_gate.weight", Shape: []dim{heads, width}},
			{HF: "mlp.router.gate.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}, In: sparse},
			{HF: "mlp.experts.%d.gate_proj.weight", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
				Need: eachExpert, In: sparse},
			{HF: "mlp.experts.%d.up_proj.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
				Need: eachExpert, In: sparse},
			{HF: "mlp.experts.%d.down_proj.weight", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
				Need: eachExpert, In: sparse},
			correction("mlp.expert_bias", experts),
		}),
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 64, Used: 6, FFN: 1408, Shared: 2 * 1408, Dense: 1, Normalize: true}},
	Spellings: func(h *HFConfig) {
		h.FirstDense, h.RoutedScale, h.NormTopK = h.DenseAtStart, h.RouteScale, h.RouteNorm
		if h.NumShared == nil {
			two := 2
			h.NumShared = &two
		}
	},
	Config: func(h *HFConfig, c *Config) error {
		every := 4
		set(&every, h.GlobalEvery)
		h.windows(c, every)
		c.RopeLayers = h.layerTypes(everyNth(every, c.Layers))
		if h.MuP {
			c.Scale.Embedding = math.Sqrt(float64(c.Width))
		}
		if h.ExpertGroups != nil && *h.ExpertGroups > 1 {
			return fmt.Errorf("%w: %d groups of experts in model_type afmoe", formats.ErrUnsupported, *h.ExpertGroups)
		}
		return h.routing(c, Sigmoid)
	},
	Read: func(r *reader, c *Config) {
		r.routing(c, Sigmoid)
		r.window(c, 4, 0)
		c.RopeLayers = everyNth(4, c.Layers)
		c.Scale.Embedding = math.Sqrt(float64(c.Width))
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		llamaMetadata(h, c, m)
		w, e := writer{Metadata: m, arch: c.Arch}, c.Experts
		w.uint("expert_shared_count", e.Shared/max(1, e.FFN))
		w.uint("expert_feed_forward_length", e.FFN)
		w.uint("leading_dense_block_count", e.Dense)
		if h.RouteNorm != nil {
			w.set("expert_weights_norm", e.Normalize)
		}
		w.float("expert_weights_scale", e.Scale)
		if c.Window > 0 {
			w.uint("attention.sliding_window", c.Window)
		}
	},
	Vocabulary: llamaVocabulary,
}

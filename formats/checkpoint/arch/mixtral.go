package arch

import "slices"

// mixtral is mistral with experts: softmax over the best two of eight router logits (arXiv 2401.04088). GGUF files call
// it llama too, with an expert_count.
var mixtral = family{
	Type: "mixtral", Arch: "llama",
	Context: 131072,
	KVHeads: 8,
	Theta:   1e6,
	Eps:     1e-5,
	Layer: slices.Concat(decoder, expertStacks, []tensorSpec{
		{HF: "block_sparse_moe.gate.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}},
		{HF: "block_sparse_moe.experts.%d.w1.weight", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
			Need: eachExpert},
		{HF: "block_sparse_moe.experts.%d.w2.weight", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
			Need: eachExpert},
		{HF: "block_sparse_moe.experts.%d.w3.weight", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
			Need: eachExpert},
	}),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 8, Used: 2, Normalize: true}},
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		return windowEverywhere(h, c)
	},
	NoHeadDim:  true,
	Metadata:   llamaMetadata,
	Vocabulary: llamaVocabulary,
}

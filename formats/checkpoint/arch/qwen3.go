package arch

import "slices"

// qwen3 normalizes queries and keys head by head; heads are 128 wide whatever the model's width (arXiv 2505.09388).
var qwen3 = family{
	Type: "qwen3", Arch: "qwen3",
	Context: 32768,
	HeadDim: 128,
	KVHeads: 32,
	Sliding: 4096,
	Pooled:  true,
	Layer:   slices.Concat(decoder, headNorms, qkvBias(attentionBias), outputBias),
	Config:  qwenWindow,
}

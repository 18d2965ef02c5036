package arch

import (
	"slices"

	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// The decoders of Qwen's vision models turn the pairs of a head by three coordinates of a place in a picture (M-RoPE,
// arXiv 2409.12191). In a text all three are the position: RoPE as usual.

// qwen2VL (Qwen2-VL and 2.5-VL, Qwen2.5-Omni's thinker) is qwen2 beside an encoder.
var qwen2VL = family{
	Type: "qwen2_vl_text", Arch: "qwen2vl",
	Context: 32768, KVHeads: 8, Sliding: 4096,
	Class:     ClassSizes{Width: 8192, FFN: 29568, Layers: 80, Heads: 64, Vocab: 152064},
	Theta:     1e6,
	Eps:       1e-5,
	Layer:     slices.Concat(decoder, qkvBias(always)),
	Config:    qwenWindow,
	NoHeadDim: true,
}

// qwen3VL is qwen3 beside an encoder, which adds to the first layers too (arXiv 2511.21631).
var qwen3VL = family{
	Type: "qwen3_vl_text", Arch: "qwen3vl",
	Context: 128000, HeadDim: 128, KVHeads: 32,
	Class:    ClassSizes{Width: 4096, FFN: 22016, Layers: 32, Heads: 32, Vocab: 151936},
	Theta:    500000,
	Layer:    slices.Concat(decoder, headNorms, qkvBias(attentionBias), outputBias),
	Read:     func(r *reader, c *Config) { r.deepstack() },
	Metadata: deepstackMetadata,
}

// qwen3VLMoE (Qwen3-VL-30B-A3B and 235B-A22B, Qwen3-Omni's thinker) is qwen3MoE beside an encoder. Published
// checkpoints store the experts of a layer as [expert][input][output], those that transformers makes itself do not.
var qwen3VLMoE = family{
	Type: "qwen3_vl_moe_text", Arch: "qwen3vlmoe",
	Context: 128000, KVHeads: 16,
	Class:   ClassSizes{Width: 2048, FFN: 5632, Layers: 24, Heads: 16, Vocab: 151936},
	Theta:   500000,
	Layer:   slices.Concat(decoder, headNorms, qkvBias(attentionBias), outputBias, qwenExperts, transposedExperts),
	MoE:     true,
	Variant: Variant{Experts: &Experts{Count: 60, Used: 4, FFN: 1408, Normalize: true}},
	Config: func(h *HFConfig, c *Config) error {
		err := qwenSparse(h, c)
		c.Experts.Normalize = true // whatever norm_topk_prob says
		return err
	},
	Read: func(r *reader, c *Config) {
		qwen3MoE.Read(r, c)
		r.deepstack()
	},
	Special: omniEnds,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("qwen3vlmoe.expert_feed_forward_length", uint32(c.Experts.FFN))
		deepstackMetadata(h, c, m)
	},
}

// omniEnds makes the end of a turn the end of a text, and its beginning, where the thinker of Qwen3-Omni is meant.
func omniEnds(h *HFConfig, m *gguf.Metadata, t *tokenizer.Tokenizer, _ []int) {
	if h.wrapper != "qwen3_omni_moe" {
		return
	}
	for id := range int32(t.Vocab()) {
		if text, kind, _ := t.Token(id); text == "<|im_end|>" && kind == tokenizer.Control {
			m.Set("tokenizer.ggml.bos_token_id", uint32(id))
			m.Set("tokenizer.ggml.eos_token_id", uint32(id))
			t.BOS, t.EOS = id, id
		}
	}
}

// transposedExperts lists the experts of a layer where they are stacked as [input][output], gate before up in one
// tensor.
var transposedExperts = []tensorSpec{
	{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
		Source: []dim{experts, width, twoExpertFFN}, Need: fusedColumns, In: sparse, Layout: halfOfColumns(0)},
	{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
		Source: []dim{experts, width, twoExpertFFN}, Need: fusedColumns, In: sparse, Layout: halfOfColumns(1)},
	{HF: "mlp.experts.down_proj", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
		Source: []dim{experts, expertFFN, width}, Need: fusedColumns, In: sparse,
		Layout: func(c *Config) Layout { return Layout{Columns: int64(c.Width)} }},
}

// halfOfColumns takes the first half of the columns of each expert, or the second, as rows.
func halfOfColumns(second int) func(c *Config) Layout {
	return func(c *Config) Layout {
		n := int64(c.Experts.FFN)
		return Layout{First: int64(second) * n, Columns: 2 * n}
	}
}

// deepstack reads how many layers an encoder of images adds to. A text has no images.
func (r *reader) deepstack() { r.int("n_deepstack_layers", 0) }

// deepstackMetadata adds that number. The class in transformers has three when the configuration does not list them.
func deepstackMetadata(h *HFConfig, c *Config, m *gguf.Metadata) {
	n := 0
	switch {
	case h.wrapper == "qwen3_omni_moe": // llama.cpp's converter writes none
	case h.Vision != nil && h.Vision.Deepstack != nil:
		n = len(h.Vision.Deepstack)
	case h.wrapper != "":
		n = 3
	}
	m.Set(c.Arch+".n_deepstack_layers", uint32(n))
}

package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// gptOSS has a sink beside the scores of each head, a window in every other layer, biases everywhere and experts with a
// clamped gate; its published checkpoints store experts in MXFP4 (arXiv 2508.10925). Gate and up are interleaved in
// one source: row by row when packed, column by column when not.
var gptOSS = family{
	Type: "gpt_oss", Arch: "gpt-oss",
	Context: 131072, HeadDim: 64, KVHeads: 8, Sliding: 128,
	Theta: 150000,
	Eps:   1e-5,
	Layer: slices.Concat(without(decoder, "ffn_norm.weight"), qkvBias(attentionBias), outputBias, []tensorSpec{
		vector("post_attention_layernorm.weight", "post_attention_norm.weight", width, always),
		vector("self_attn.sinks", "attn_sinks.weight", queryN, always),
		{HF: "mlp.router.weight", GGUF: "ffn_gate_inp.weight", Shape: []dim{experts, width}},
		vector("mlp.router.bias", "ffn_gate_inp.bias", experts, always),

		{HF: "mlp.experts.down_proj", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
			Source: []dim{experts, expertFFN, width}, Need: unpacked,
			Layout: func(c *Config) Layout { return Layout{Columns: int64(c.Width)} }},
		{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
			Source: []dim{experts, width, twoExpertFFN}, Need: unpacked, Layout: everyOther(0, true)},
		{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
			Source: []dim{experts, width, twoExpertFFN}, Need: unpacked, Layout: everyOther(1, true)},

		{HF: "mlp.experts.down_proj", GGUF: "ffn_down_exps.weight", Shape: []dim{experts, width, expertFFN},
			Need: mxfp4, Layout: func(*Config) Layout { return Layout{Nibbles: true} }},
		{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_gate_exps.weight", Shape: []dim{experts, expertFFN, width},
			Source: []dim{experts, twoExpertFFN, width}, Need: mxfp4, Layout: nibbles(0)},
		{HF: "mlp.experts.gate_up_proj", GGUF: "ffn_up_exps.weight", Shape: []dim{experts, expertFFN, width},
			Source: []dim{experts, twoExpertFFN, width}, Need: mxfp4, Layout: nibbles(1)},

		{HF: "mlp.experts.down_proj_bias", GGUF: "ffn_down_exps.bias", Shape: []dim{experts, width}},
		{HF: "mlp.experts.gate_up_proj_bias", GGUF: "ffn_gate_exps.bias", Shape: []dim{experts, expertFFN},
			Source: []dim{experts, twoExpertFFN}, Layout: everyOther(0, false)},
		{HF: "mlp.experts.gate_up_proj_bias", GGUF: "ffn_up_exps.bias", Shape: []dim{experts, expertFFN},
			Source: []dim{experts, twoExpertFFN}, Layout: everyOther(1, false)},
	}),
	MoE:    true,
	Packed: true,
	Smooth: true,
	Variant: Variant{Activation: SwiGLUOAI, FFNNorm: "post_attention_norm",
		Experts: &Experts{Count: 128, Used: 4, Gating: SoftmaxChosen}},
	AnyActivation: true, // config.json says silu
	Defaults:      func(h *HFConfig) { h.AttentionBias = true },
	Config: func(h *HFConfig, c *Config) error {
		h.experts(c)
		if c.Window = h.window(); c.Window > 0 {
			c.WindowLayers = h.layerTypes(everyNth(2, c.Layers))
		}
		return nil
	},
	Read: func(r *reader, c *Config) {
		r.window(c, 2, 0)
		r.localBase(c)
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		m.Set("gpt-oss.attention.sliding_window", uint32(c.Window))
		m.Set("gpt-oss.expert_feed_forward_length", uint32(c.Experts.FFN))
	},
}

// everyOther takes every second row, or column, from the first on.
func everyOther(first int64, columns bool) func(c *Config) Layout {
	return func(c *Config) Layout {
		l := Layout{First: first, Step: 2}
		if columns {
			l.Columns = 2 * int64(c.Experts.FFN)
		}
		return l
	}
}

// nibbles takes every second row of MXFP4 weights from the first on.
func nibbles(first int64) func(*Config) Layout {
	return func(*Config) Layout { return Layout{First: first, Step: 2, Nibbles: true} }
}

package arch

import (
	"fmt"

	"bitmill/formats"
)

// gpt2 (GPT-2, DialoGPT, Cerebras-GPT and others) adds a learned vector for each position to the embedding, has norms
// with mean and bias, one matrix for queries, keys and values, and matrices whose rows are inputs, as in a convolution
// of width one.
var gpt2 = family{
	Type: "gpt2", Arch: "gpt2",
	Context: 1024, Tied: true,
	Eps:  1e-5,
	Stem: "transformer.h.",
	Common: []tensorSpec{
		{HF: "lm_head.weight", GGUF: "output.weight", Shape: []dim{vocab, width}, Need: untied},
		{HF: "transformer.wte.weight", GGUF: "token_embd.weight", Shape: []dim{vocab, width}},
		{HF: "transformer.wpe.weight", GGUF: "position_embd.weight", Shape: []dim{positions, width}},
		vector("transformer.ln_f.weight", "output_norm.weight", width, always),
		vector("transformer.ln_f.bias", "output_norm.bias", width, always),
	},
	Layer: []tensorSpec{
		vector("ln_1.weight", "attn_norm.weight", width, always),
		vector("ln_1.bias", "attn_norm.bias", width, always),
		transposed("attn.c_attn.weight", "attn_qkv.weight", qkv, width),
		vector("attn.c_attn.bias", "attn_qkv.bias", qkv, always),
		transposed("attn.c_proj.weight", "attn_output.weight", width, heads),
		vector("attn.c_proj.bias", "attn_output.bias", width, always),
		vector("ln_2.weight", "ffn_norm.weight", width, always),
		vector("ln_2.bias", "ffn_norm.bias", width, always),
		transposed("mlp.c_fc.weight", "ffn_up.weight", ffn, width),
		vector("mlp.c_fc.bias", "ffn_up.bias", ffn, always),
		transposed("mlp.c_proj.weight", "ffn_down.weight", width, ffn),
		vector("mlp.c_proj.bias", "ffn_down.bias", width, always),
	},
	Variant:     Variant{Norm: LayerNorm, Activation: GELUTanh},
	Activations: []Activation{GELU},
	Spellings:   (*HFConfig).spellGPT2,
	Config: func(h *HFConfig, c *Config) error {
		c.Positions = c.Context
		if h.ScaleScores != nil && !*h.ScaleScores {
			c.Scale.Attention = 1
		}
		c.Scale.ByLayer = h.InverseLayer
		if h.CrossAttention {
			return fmt.Errorf("%w: add_cross_attention in model_type gpt2", formats.ErrUnsupported)
		}
		return nil
	},
	Read: func(r *reader, c *Config) { c.Positions = r.int("context_length", -1) },
	Parameters: func(h *HFConfig, c *Config, w writer) {
		w.uint("block_count", c.Layers)
		w.uint("context_length", c.Context)
		w.uint("embedding_length", c.Width)
		w.sizes("feed_forward_length", c, ffn)
		w.sizes("attention.head_count", c, queryN)
		w.set("attention.layer_norm_epsilon", c.NormEps)
		w.fileType()
	},
}

// gptKeys are the keys of config.json that GPT-2 and GPT-NeoX have.
type gptKeys struct {
	Embd           *int     `json:"n_embd"`
	LayerCount     *int     `json:"n_layer"`
	HeadCount      *int     `json:"n_head"`
	Positions      *int     `json:"n_positions"`
	ContextSize    *int     `json:"n_ctx"`
	Inner          *int     `json:"n_inner"`
	NormEpsOld     *float64 `json:"layer_norm_epsilon"`
	ActivationOld  string   `json:"activation_function"`
	ScaleScores    *bool    `json:"scale_attn_weights"`
	InverseLayer   bool     `json:"scale_attn_by_inverse_layer_idx"`
	CrossAttention bool     `json:"add_cross_attention"`
	RotaryBase     *float64 `json:"rotary_emb_base"`
}

// spellGPT2 reads the names of GPT-2's time.
func (h *HFConfig) spellGPT2() {
	for _, k := range []struct{ to, from **int }{
		{&h.HiddenSize, &h.Embd}, {&h.Layers, &h.LayerCount}, {&h.Heads, &h.HeadCount}, {&h.MaxPosition, &h.Positions},
		{&h.MaxPosition, &h.ContextSize}, {&h.IntermediateSize, &h.Inner},
	} {
		if *k.to == nil {
			*k.to = *k.from
		}
	}
	if h.IntermediateSize == nil && h.HiddenSize != nil && *h.HiddenSize <= maxDim {
		n := 4 * *h.HiddenSize
		h.IntermediateSize = &n
	}
}

func positions(c *Config) int { return c.Positions }

// transposed is the row of a matrix whose source has a row for each input.
func transposed(hf, gguf string, out, in dim) tensorSpec {
	return tensorSpec{HF: hf, GGUF: gguf, Shape: []dim{out, in}, Source: []dim{in, out},
		Layout: func(c *Config) Layout { return Layout{Columns: int64(out(c))} }}
}

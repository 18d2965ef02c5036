package checkpoint

import (
	"fmt"
	"slices"
	"strings"
)

// name is one row of a family's table: a tensor on both sides.
type name struct {
	HF, GGUF string
	Shape    []dim // Hugging Face order: slowest first
	Need     need
	Rotary   rotary
}

// dim is a dimension taken from the Config.
type dim func(*Config) int

func width(c *Config) int   { return c.Width }
func ffn(c *Config) int     { return c.FFN }
func vocab(c *Config) int   { return c.Vocab }
func heads(c *Config) int   { return c.Heads * c.HeadDim }
func kvHeads(c *Config) int { return c.KVHeads * c.HeadDim }
func headDim(c *Config) int { return c.HeadDim }

// need says when a tensor must be there.
type need uint8

const (
	always        need = iota
	untied             // unless the embedding serves as output matrix
	attentionBias      // when config.json sets attention_bias
	mlpBias            // when config.json sets mlp_bias
)

// rotary says that RoPE turns a matrix's output, head by head.
type rotary uint8

const (
	still rotary = iota
	queries
	keys
)

// outside lists the tensors outside layers, the same in every family.
var outside = []name{
	{HF: "lm_head.weight", GGUF: "output.weight", Shape: []dim{vocab, width}, Need: untied},
	{HF: "model.embed_tokens.weight", GGUF: "token_embd.weight", Shape: []dim{vocab, width}},
	{HF: "model.norm.weight", GGUF: "output_norm.weight", Shape: []dim{width}},
}

// decoder lists the tensors of a layer that every family has.
var decoder = []name{
	{HF: "input_layernorm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}},
	{HF: "self_attn.q_proj.weight", GGUF: "attn_q.weight", Shape: []dim{heads, width}, Rotary: queries},
	{HF: "self_attn.k_proj.weight", GGUF: "attn_k.weight", Shape: []dim{kvHeads, width}, Rotary: keys},
	{HF: "self_attn.v_proj.weight", GGUF: "attn_v.weight", Shape: []dim{kvHeads, width}},
	{HF: "self_attn.o_proj.weight", GGUF: "attn_output.weight", Shape: []dim{width, heads}},
	{HF: "post_attention_layernorm.weight", GGUF: "ffn_norm.weight", Shape: []dim{width}},
	{HF: "mlp.gate_proj.weight", GGUF: "ffn_gate.weight", Shape: []dim{ffn, width}},
	{HF: "mlp.up_proj.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width}},
	{HF: "mlp.down_proj.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}},
}

// qkvBias lists the biases of the three projections, each needed when said.
func qkvBias(n need) []name {
	return []name{
		{HF: "self_attn.q_proj.bias", GGUF: "attn_q.bias", Shape: []dim{heads}, Need: n, Rotary: queries},
		{HF: "self_attn.k_proj.bias", GGUF: "attn_k.bias", Shape: []dim{kvHeads}, Need: n, Rotary: keys},
		{HF: "self_attn.v_proj.bias", GGUF: "attn_v.bias", Shape: []dim{kvHeads}, Need: n},
	}
}

// outputBias is the bias of the attention's output projection.
var outputBias = []name{
	{HF: "self_attn.o_proj.bias", GGUF: "attn_output.bias", Shape: []dim{width}, Need: attentionBias},
}

// mlpBiases lists the biases of the feed-forward layer.
var mlpBiases = []name{
	{HF: "mlp.gate_proj.bias", GGUF: "ffn_gate.bias", Shape: []dim{ffn}, Need: mlpBias},
	{HF: "mlp.up_proj.bias", GGUF: "ffn_up.bias", Shape: []dim{ffn}, Need: mlpBias},
	{HF: "mlp.down_proj.bias", GGUF: "ffn_down.bias", Shape: []dim{width}, Need: mlpBias},
}

// headNorms lists the RMSNorm gains over each head's queries and keys.
var headNorms = []name{
	{HF: "self_attn.q_norm.weight", GGUF: "attn_q_norm.weight", Shape: []dim{headDim}},
	{HF: "self_attn.k_norm.weight", GGUF: "attn_k_norm.weight", Shape: []dim{headDim}},
}

// expected is a tensor that a checkpoint of this Config may have.
type expected struct {
	HF, GGUF string
	Shape    []int64 // Hugging Face order
	Need     need
	Heads    int // of a rotary tensor, how many
}

// tensors lists the family's tensors for a Config, sorted by Hugging Face name.
func (f *family) tensors(c *Config) []expected {
	list := make([]expected, 0, len(outside)+c.Layers*len(f.Layer))
	add := func(n name, hf, gguf string) {
		e := expected{HF: hf + n.HF, GGUF: gguf + n.GGUF, Need: n.Need}
		for _, d := range n.Shape {
			e.Shape = append(e.Shape, int64(d(c)))
		}
		switch n.Rotary {
		case queries:
			e.Heads = c.Heads
		case keys:
			e.Heads = c.KVHeads
		}
		list = append(list, e)
	}
	for _, n := range outside {
		add(n, "", "")
	}
	for i := range c.Layers {
		for _, n := range f.Layer {
			add(n, fmt.Sprintf("model.layers.%d.", i), fmt.Sprintf("blk.%d.", i))
		}
	}
	slices.SortFunc(list, func(a, b expected) int { return strings.Compare(a.HF, b.HF) })
	return list
}

// dropped reports whether the converter leaves a tensor out: buffers that older versions of transformers saved.
func dropped(hf string) bool {
	for _, suffix := range []string{".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"} {
		if strings.HasSuffix(hf, suffix) {
			return true
		}
	}
	return false
}

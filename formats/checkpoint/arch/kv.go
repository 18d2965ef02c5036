package arch

import (
	"fmt"

	"bitmill/formats"
)

// KV is where the keys and values of a layer's attention come from.
type KV uint8

const (
	OwnKV     KV = iota // matrices for both
	KeysOnly            // values are the keys, before norm and rotation
	EarlierKV           // the last layer before that has its own and is of the same kind: with the window or without
)

// setKV lets the last layers share the keys and values of earlier ones; of the others, those for which keysOnly is true
// have no matrix of values.
func (c *Config) setKV(shared int, keysOnly func(i int) bool) error {
	if shared < 0 || shared >= c.Layers {
		return fmt.Errorf("%w: %d of %d layers share the keys and values of earlier ones", formats.ErrCorrupt, shared,
			c.Layers)
	}
	layers := make([]LayerSizes, c.Layers)
	for i := range layers {
		layers[i] = c.OfLayer(i).sizes()
		switch {
		case i >= c.Layers-shared:
			layers[i].KV = EarlierKV
		case keysOnly(i):
			layers[i].KV = KeysOnly
		}
	}
	c.setLayers(layers)
	for i := range layers {
		switch j := c.KVLayer(i); {
		case j < 0:
			return fmt.Errorf("%w: layer %d shares keys and values, but no earlier layer of its kind has them",
				formats.ErrCorrupt, i)
		case layers[i].KVHeads != layers[j].KVHeads || layers[i].HeadDim != layers[j].HeadDim:
			return fmt.Errorf("%w: layer %d shares the keys and values of layer %d, whose heads are others",
				formats.ErrCorrupt, i, j)
		}
	}
	return nil
}

// KVLayer is the layer whose keys and values layer i attends to: itself, or an earlier one; -1 when there is none.
func (c *Config) KVLayer(i int) int {
	for j := i; j >= 0; j-- {
		if c.OfLayer(j).KV != EarlierKV && c.Windowed(j) == c.Windowed(i) {
			return j
		}
	}
	return -1
}

// Dimensions of keys and values: of layers with their own, and of the matrices that some checkpoints still have in
// layers that share.
func ownKeys(c *Config) int    { return c.ifKV(c.KV != EarlierKV, kvHeads) }
func ownValues(c *Config) int  { return c.ifKV(c.KV == OwnKV, kvHeads) }
func ownKeyDim(c *Config) int  { return c.ifKV(c.KV != EarlierKV, headDim) }
func idleKeys(c *Config) int   { return c.ifKV(c.KV == EarlierKV, kvHeads) }
func idleKeyDim(c *Config) int { return c.ifKV(c.KV == EarlierKV, headDim) }

func (c *Config) ifKV(is bool, d dim) int {
	if is {
		return d(c)
	}
	return 0
}

// sharedKV lists the tensors of attention where layers may share keys and values, or lack values.
var sharedKV = []tensorSpec{
	{HF: "self_attn.q_proj.weight", GGUF: "attn_q.weight", Shape: []dim{heads, width}, Rotary: queries},
	{HF: "self_attn.k_proj.weight", GGUF: "attn_k.weight", Shape: []dim{ownKeys, width}, Rotary: keys},
	{HF: "self_attn.v_proj.weight", GGUF: "attn_v.weight", Shape: []dim{ownValues, width}},
	{HF: "self_attn.o_proj.weight", GGUF: "attn_output.weight", Shape: []dim{width, heads}},
	{HF: "self_attn.q_norm.weight", GGUF: "attn_q_norm.weight", Shape: []dim{headDim}},
	{HF: "self_attn.k_norm.weight", GGUF: "attn_k_norm.weight", Shape: []dim{ownKeyDim}},

	{HF: "self_attn.k_proj.weight", GGUF: "attn_k.weight", Shape: []dim{idleKeys, width}, Need: optional},
	{HF: "self_attn.v_proj.weight", GGUF: "attn_v.weight", Shape: []dim{idleKeys, width}, Need: optional},
	{HF: "self_attn.k_norm.weight", GGUF: "attn_k_norm.weight", Shape: []dim{idleKeyDim}, Need: optional},

	{HF: "self_attn.q_proj.bias", GGUF: "attn_q.bias", Shape: []dim{heads}, Need: attentionBias},
	{HF: "self_attn.k_proj.bias", GGUF: "attn_k.bias", Shape: []dim{ownKeys}, Need: attentionBias},
	{HF: "self_attn.v_proj.bias", GGUF: "attn_v.bias", Shape: []dim{ownValues}, Need: attentionBias},
	{HF: "self_attn.o_proj.bias", GGUF: "attn_output.bias", Shape: []dim{width}, Need: attentionBias},
}

// attentionMatrices are their matrices, by the names of the common table.
var attentionMatrices = []string{"attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_output.weight"}

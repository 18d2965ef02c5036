package arch

import (
	"fmt"

	"bitmill/formats"
)

// LayerInput describes what each layer gets of every token besides the residual stream: a row of a second embedding,
// with Size values for each layer, and as much made from the first (Gemma 3n and 4).
type LayerInput struct {
	Size  int // of one layer; 0: there is none
	Vocab int // rows of the second embedding in the checkpoint; zeros follow up to those of the first
}

// all is the size of all layers' inputs together.
func (l LayerInput) all(c *Config) int { return l.Size * c.Layers }

func (l LayerInput) check(c *Config) error {
	if l.Size < 0 || l.Size > maxDim/c.Layers || l.Vocab < 0 || l.Vocab > c.Vocab {
		return fmt.Errorf("%w: the layers' own inputs have %d values each and %d rows in a vocabulary of %d",
			formats.ErrCorrupt, l.Size, l.Vocab, c.Vocab)
	}
	return nil
}

func layerInput(c *Config) int      { return c.LayerInput.Size }
func layerInputs(c *Config) int     { return c.LayerInput.all(c) }
func layerInputVocab(c *Config) int { return c.LayerInput.Vocab }

// widthIfInput is the width of a model whose layers have inputs.
func widthIfInput(c *Config) int {
	if c.LayerInput.Size == 0 {
		return 0
	}
	return c.Width
}

// presentRows says how many rows of the second embedding the source has, if not all.
func presentRows(c *Config) Layout {
	if c.LayerInput.Vocab == c.Vocab {
		return Layout{}
	}
	return Layout{Present: int64(c.LayerInput.Vocab)}
}

// layerInputTensors lists a layer's tensors for its input from the second embedding.
var layerInputTensors = []tensorSpec{
	{HF: "per_layer_input_gate.weight", GGUF: "inp_gate.weight", Shape: []dim{layerInput, width}},
	{HF: "per_layer_projection.weight", GGUF: "proj.weight", Shape: []dim{width, layerInput}},
	{HF: "post_per_layer_input_norm.weight", GGUF: "post_norm.weight", Shape: []dim{widthIfInput}},
}

// layerInputTables lists the second embedding and what makes all layers' inputs from it.
var layerInputTables = []tensorSpec{
	{HF: "model.embed_tokens_per_layer.weight", GGUF: "per_layer_token_embd.weight", Shape: []dim{vocab, layerInputs},
		Source: []dim{layerInputVocab, layerInputs},
		Layout: presentRows},
	{HF: "model.per_layer_model_projection.weight", GGUF: "per_layer_model_proj.weight",
		Shape: []dim{layerInputs, width}},
	{HF: "model.per_layer_projection_norm.weight", GGUF: "per_layer_proj_norm.weight", Shape: []dim{layerInput}},
}

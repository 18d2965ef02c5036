package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
)

// Mixer is how a layer mixes the tokens of a sequence.
type Mixer uint8

const (
	Attention      Mixer = iota // grouped-query or latent attention
	Delta                       // gated delta net
	Mamba                       // state space
	AttentionMamba              // both side by side
	Conv                        // short convolution
	NoMixer                     // none: the layer is a feed-forward layer
)

// Attends reports whether the layer has attention.
func (m Mixer) Attends() bool { return m == Attention || m == AttentionMamba }

// Recurs reports whether the layer has a state of constant size.
func (m Mixer) Recurs() bool { return m != Attention && m != NoMixer }

// setMixers sets the mixer of every layer. Layers without attention have no heads.
func (c *Config) setMixers(mixers []Mixer) {
	if c.Layers < 1 || c.Layers > maxLayers || len(mixers) != c.Layers {
		return // check tells
	}
	layers := make([]LayerSizes, c.Layers)
	for i, m := range mixers {
		layers[i] = c.OfLayer(i).sizes()
		layers[i].Mixer = m
		if !m.Attends() {
			layers[i].Heads, layers[i].KVHeads, layers[i].HeadDim = 0, 0, 0
		}
	}
	c.setLayers(layers)
}

// mixers sets the mixers that layer_types or layers_block_type name, for a family that has several kinds.
func (h *HFConfig) mixers(c *Config) error {
	kinds := h.family.Kinds
	if kinds == nil {
		return h.kinds()
	}
	types := h.LayerTypes
	if len(types) == 0 {
		types = h.BlockTypes
	}
	mixers := make([]Mixer, len(types))
	for i, s := range types {
		m, ok := kinds[s]
		if !ok {
			return fmt.Errorf("%w: layer %d is of kind %q", formats.ErrUnsupported, i, s)
		}
		mixers[i] = m
	}
	if len(mixers) > 0 {
		c.setMixers(mixers)
	}
	return nil
}

// firstOf is the first layer with one of these mixers; -1 when there is none.
func (c *Config) firstOf(kinds ...Mixer) int {
	for i := range c.Layers {
		if slices.Contains(kinds, c.OfLayer(i).Mixer) {
			return i
		}
	}
	return -1
}

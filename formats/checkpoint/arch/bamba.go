package arch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// bamba (IBM, Princeton, CMU and UIUC) has layers of Mamba 2, a few with attention among them, of whose heads half the
// values rotate, and a feed-forward layer behind each. GGUF files call it granitehybrid.
var bamba = family{
	Type: "bamba", Arch: "granitehybrid",
	Context: 262144, KVHeads: 8, Eps: 1e-5, Rotary: 0.5,
	Common: renamed(outside, "model.norm.", "model.final_layernorm."),
	Layer: slices.Concat(in(attending, without(decoder, "attn_norm.weight", "ffn_norm.weight", "ffn_gate.weight",
		"ffn_up.weight", "ffn_down.weight"), qkvBias(attentionBias), outputBias), stateSpace("mamba."),
		preNormedFFN),
	Permuted: true, Interleaved: true, RopeFreqs: true, Guest: true,
	Spellings: func(h *HFConfig) {
		h.ConvBias = h.MambaConvBias == nil || *h.MambaConvBias
		if h.PartialRotary == nil {
			half := 0.5
			h.PartialRotary = &half
		}
	},
	Config: func(h *HFConfig, c *Config) error {
		err := h.attentionIn(c)
		if n := h.RotaryDims; err == nil && n != nil && *n != c.Rope.Dims {
			err = fmt.Errorf("%w: attn_rotary_emb is %d, but %d values of a head rotate", formats.ErrUnsupported, *n,
				c.Rope.Dims)
		}
		return cmp.Or(h.stateSpace(c, value(h.MambaExpand, 2)*c.Width), err) // the sizes are wanted either way
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		llamaMetadata(h, c, m)
		hybridMetadata(c, m)
	},
}

// preNormedFFN lists the norms of a layer and its feed-forward layer as Bamba and Falcon-H1 call them.
var preNormedFFN = renamed(slices.Concat(
	[]tensorSpec{{HF: "input_layernorm.weight", GGUF: "attn_norm.weight", Shape: []dim{width}}},
	slices.DeleteFunc(slices.Clone(decoder), func(n tensorSpec) bool { return !strings.HasPrefix(n.GGUF, "ffn_") }),
	mlpBiases),
	"mlp.", "feed_forward.", "post_attention_layernorm.", "pre_ff_layernorm.")

// renamed is a table whose Hugging Face names have each old part replaced by the new one behind it.
func renamed(table []tensorSpec, oldNew ...string) []tensorSpec {
	table = slices.Clone(table)
	for i := range table {
		table[i].HF = strings.NewReplacer(oldNew...).Replace(table[i].HF)
	}
	return table
}

// attentionIn sets the layers with attention from their indices, or from how often they come.
func (h *HFConfig) attentionIn(c *Config) error {
	mixers := slices.Repeat([]Mixer{Mamba}, c.Layers)
	switch {
	case len(h.AttentionIn) > 0:
		for _, i := range h.AttentionIn {
			if i < 0 || i >= c.Layers {
				return fmt.Errorf("%w: attn_layer_indices names layer %d of %d", formats.ErrCorrupt, i, c.Layers)
			}
			mixers[i] = Attention
		}
	case h.AttentionEvery != nil && h.AttentionFrom != nil && *h.AttentionEvery > 0:
		for i := range mixers {
			if i%*h.AttentionEvery == *h.AttentionFrom {
				mixers[i] = Attention
			}
		}
	}
	c.setMixers(mixers)
	return nil
}

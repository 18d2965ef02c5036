package arch

import (
	"cmp"
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// granite4 (IBM Granite 4.0 micro, 1b and 350m) is granite with gate and up in one matrix. Its model_type also has
// layers of Mamba 2 and experts, and then another architecture. Positions may be left out.
var granite4 = family{
	Type: "granitemoehybrid", Arch: "granite",
	Context: 2048,
	Layer: slices.Concat(without(decoder, "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"), qkvBias(attentionBias),
		outputBias, []tensorSpec{
			{HF: "shared_mlp.input_linear.weight", GGUF: "ffn_gate.weight", Shape: []dim{ffn, width},
				Source: []dim{twoFFN, width}, Layout: halfOfRows(0)},
			{HF: "shared_mlp.input_linear.weight", GGUF: "ffn_up.weight", Shape: []dim{ffn, width},
				Source: []dim{twoFFN, width}, Layout: halfOfRows(1)},
			{HF: "shared_mlp.output_linear.weight", GGUF: "ffn_down.weight", Shape: []dim{width, ffn}},
		}),
	Permuted: true, Interleaved: true, RopeFreqs: true,
	Spellings: func(h *HFConfig) {
		if types := slices.Concat(h.LayerTypes, h.BlockTypes); slices.Contains(types, "mamba") ||
			slices.Contains(types, "linear_attention") {
			h.family = &graniteHybrid
			h.spell()
		} else if len(types) > 0 && value(h.NumLocalExperts, 0) > 0 {
			h.family = &granite4MoE
		}
	},
	Only: func(h *HFConfig) error {
		if len(h.LayerTypes)+len(h.BlockTypes) == 0 || h.NumLocalExperts == nil {
			return fmt.Errorf("%w: model_type granitemoehybrid without layer_types or num_local_experts: its layers may be of "+
				"Mamba, or have experts", formats.ErrUnsupported)
		}
		return granite4Layers(h)
	},
	Config: func(h *HFConfig, c *Config) error {
		c.FFN = *h.SharedSize
		if h.PositionKind != "rope" {
			c.RopeLayers = make([]bool, c.Layers)
		}
		return granite.Config(h, c)
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		h.granite4Metadata(c, m, c.FFN)
	},
	Vocabulary: llamaVocabulary,
}

// granite4MoE is granite4 with experts beside the feed-forward layer, which every token takes.
var granite4MoE = family{
	Type: "granitemoehybrid", Arch: "granitemoe",
	Context:  2048,
	Layer:    graniteSparse,
	Permuted: true, Interleaved: true, RopeFreqs: true,
	MoE:     true,
	Variant: Variant{Experts: &Experts{Gating: SoftmaxChosen}},
	Only:    granite4Layers,
	Config: func(h *HFConfig, c *Config) error {
		if h.PositionKind != "rope" {
			c.RopeLayers = make([]bool, c.Layers)
		}
		return cmp.Or(h.graniteExperts(c), granite.Config(h, c))
	},
	NoHeadDim:  true,
	Metadata:   func(h *HFConfig, c *Config, m *gguf.Metadata) { h.granite4Metadata(c, m, c.Experts.Shared) },
	Vocabulary: llamaVocabulary,
}

// granite4Layers fails for layers without attention.
func granite4Layers(h *HFConfig) error {
	types := slices.Concat(h.LayerTypes, h.BlockTypes)
	if i := slices.IndexFunc(types, func(s string) bool { return s != "attention" && s != "full_attention" }); i >= 0 {
		return fmt.Errorf("%w: model_type granitemoehybrid with layers of kind %q; bitmill knows it with attention and "+
			"Mamba only", formats.ErrUnsupported, types[i])
	}
	if h.SharedSize == nil {
		return fmt.Errorf("%w: there is no shared_intermediate_size", formats.ErrCorrupt)
	}
	return nil
}

// granite4Metadata adds the keys of layers with a state space too, as if there were some, and whether positions are
// encoded.
func (h *HFConfig) granite4Metadata(c *Config, m *gguf.Metadata, shared int) {
	granite.Metadata(h, c, m)
	w := writer{Metadata: m, arch: c.Arch}
	w.uint("expert_shared_feed_forward_length", shared)
	of := *c
	if h.MambaState != nil && h.stateSpace(&of, value(h.MambaExpand, 2)*c.Width) == nil {
		hybridMetadata(&of, m)
	}
	w.set("rope.scaling.finetuned", c.RopeLayers == nil)
}

// halfOfRows takes the first half of a matrix of 2*FFN rows, or the second.
func halfOfRows(second int) func(c *Config) Layout {
	return func(c *Config) Layout {
		n := int64(c.FFN)
		return Layout{First: int64(second) * n, Rows: n, Span: 2 * n}
	}
}

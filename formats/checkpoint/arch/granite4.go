package arch

import (
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
		}
	},
	Only: func(h *HFConfig) error {
		types := slices.Concat(h.LayerTypes, h.BlockTypes)
		if i := slices.IndexFunc(types, func(s string) bool { return s != "attention" && s != "full_attention" }); i >= 0 {
			return fmt.Errorf("%w: model_type granitemoehybrid with layers of kind %q; bitmill knows it with attention only",
				formats.ErrUnsupported, types[i])
		}
		if h.SharedSize == nil {
			return fmt.Errorf("%w: there is no shared_intermediate_size", formats.ErrCorrupt)
		}
		if len(types) == 0 || h.NumLocalExperts == nil || *h.NumLocalExperts > 0 {
			return fmt.Errorf("%w: model_type granitemoehybrid with layers of Mamba or with experts; bitmill knows it with "+
				"attention only", formats.ErrUnsupported)
		}
		return nil
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
		granite.Metadata(h, c, m)
		w := writer{Metadata: m, arch: c.Arch}
		w.uint("expert_shared_feed_forward_length", c.FFN)
		of := *c // as if it had layers with a state space
		if h.MambaState != nil && h.stateSpace(&of, value(h.MambaExpand, 2)*c.Width) == nil {
			hybridMetadata(&of, m)
		}
		w.set("rope.scaling.finetuned", c.RopeLayers == nil) // whether positions are encoded
	},
	Vocabulary: llamaVocabulary,
}

// halfOfRows takes the first half of a matrix of 2*FFN rows, or the second.
func halfOfRows(second int) func(c *Config) Layout {
	return func(c *Config) Layout {
		n := int64(c.FFN)
		return Layout{First: int64(second) * n, Rows: n, Span: 2 * n}
	}
}

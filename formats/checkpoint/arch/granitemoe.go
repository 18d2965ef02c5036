package arch

import (
	"slices"

	"bitmill/formats/gguf"
)

// graniteMoE (IBM Granite 3 1B-A400M and 3B-A800M) is granite with experts, whose gate and up are halves of one stack.
var graniteMoE = family{
	Type: "granitemoe", Arch: "granitemoe",
	Context:  2048,
	Layer:    graniteSparse,
	Permuted: true, Interleaved: true, RopeFreqs: true,
	MoE:       true,
	Variant:   Variant{Experts: &Experts{Count: 8, Used: 2, Gating: SoftmaxChosen}},
	Config:    graniteMoEConfig,
	Read:      granite.Read,
	NoHeadDim: true,
	Metadata:  granite.Metadata,

	Vocabulary: llamaVocabulary,
}

// graniteMoEShared has an expert that every token takes beside them.
var graniteMoEShared = family{
	Type: "granitemoeshared", Arch: "granitemoe",
	Context:  2048,
	Layer:    graniteSparse,
	Permuted: true, Interleaved: true, RopeFreqs: true,
	MoE:     true,
	Variant: graniteMoE.Variant,
	Config: func(h *HFConfig, c *Config) error {
		err := graniteMoEConfig(h, c)
		c.Experts.Shared = value(h.SharedSize, 1024)
		return err
	},
	NoHeadDim: true,
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		granite.Metadata(h, c, m)
		if c.Experts.Shared > 0 {
			m.Set("granitemoe.expert_shared_feed_forward_length", uint32(c.Experts.Shared))
		}
	},
	Vocabulary: llamaVocabulary,
}

var graniteSparse = slices.Concat(without(decoder, "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"),
	qkvBias(attentionBias), outputBias, graniteFFN)

func graniteMoEConfig(h *HFConfig, c *Config) error {
	h.experts(c)
	return granite.Config(h, c)
}

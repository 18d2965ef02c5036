package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// qwen3Next (Qwen3-Next-80B-A3B, Qwen3-Coder-Next) has gated delta nets in most layers and experts in all. The rows of
// a delta net are grouped by key head: its query, its key, then the values and the gates of the heads that share it.
var qwen3Next = family{
	Type: "qwen3_next", Arch: "qwen3next",
	Context: 32768, HeadDim: 256, KVHeads: 2, Rotary: 0.25,
	Layer:      slices.Concat(qwen35Mixers, qwen3NextDelta, qwenExperts, qwenShared),
	NormAdd:    1,
	Kinds:      qwen35Kinds,
	MoE:        true,
	Predictors: kept,
	Variant:    Variant{FFNNorm: "post_attention_norm", Experts: &Experts{Count: 512, Used: 10, FFN: 512, Shared: 512}},
	Spellings:  (*HFConfig).fullIntervals,
	Defaults: func(h *HFConfig) {
		n, yes := 5632, true
		h.IntermediateSize, h.NormTopK = &n, &yes
	},
	Config: func(h *HFConfig, c *Config) error {
		h.deltaNet(c)
		if err := qwenSparse(h, c); err != nil {
			return err
		}
		if c.Experts.Dense > 0 {
			return fmt.Errorf("%w: dense layers in model_type qwen3_next", formats.ErrUnsupported)
		}
		return nil
	},
	Read: func(r *reader, c *Config) {
		qwen35SharedRead(r, c)
		r.deltaNet(c)
	},
	Metadata: func(h *HFConfig, c *Config, m *gguf.Metadata) {
		qwen35SharedMetadata(c, m)
		deltaMetadata(h, c, m)
	},
}

var qwen3NextDelta = slices.Concat([]tensorSpec{
	{HF: "linear_attn.in_proj_qkvz.weight", GGUF: "attn_qkv.weight", Shape: []dim{ssmConv, width},
		Source: []dim{deltaAll, width}, In: recurrent, Layout: func(c *Config) Layout {
			keys, values, span := groupRows(c.SSM)
			return Layout{Parts: [3]int64{keys, keys, values}, Span: span}
		}},
	{HF: "linear_attn.in_proj_qkvz.weight", GGUF: "attn_gate.weight", Shape: []dim{ssmInner, width},
		Source: []dim{deltaAll, width}, In: recurrent, Layout: func(c *Config) Layout {
			keys, values, span := groupRows(c.SSM)
			return Layout{First: 2*keys + values, Rows: values, Span: span}
		}},
	{HF: "linear_attn.in_proj_ba.weight", GGUF: "ssm_ba.weight", Shape: []dim{twoDeltaHeads, width}, In: recurrent},
}, without(qwen35Delta, "attn_qkv.weight", "attn_gate.weight", "ssm_alpha.weight", "ssm_beta.weight"))

var (
	deltaAll      = ssmDim(func(s *SSM) int { return s.ConvWidth() + s.Inner })
	twoDeltaHeads = ssmDim(func(s *SSM) int { return 2 * s.Heads })
)

// groupRows is the number of rows of a group's key, of its values, and of all.
func groupRows(s *SSM) (keys, values, all int64) {
	keys, values = int64(s.State), int64(s.Inner/s.Groups)
	return keys, values, 2*keys + 2*values
}

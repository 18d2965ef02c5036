package arch

import (
	"fmt"
	"slices"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// internLM3 is llama with heads of 128 values. Its dynamic RoPE scaling begins beyond the longest context.
var internLM3 = family{
	Type: "internlm3", Arch: "llama",
	Context: 32768,
	HeadDim: 128,
	Layer:   llama.Layer,
	Only: func(h *HFConfig) error {
		if h.Bias != h.QKVBias {
			return fmt.Errorf("%w: model_type internlm3 with qkv_bias %v and bias %v", formats.ErrUnsupported, h.QKVBias, h.Bias)
		}
		h.AttentionBias, h.MLPBias = h.AttentionBias || h.Bias, h.MLPBias || h.Bias
		return nil
	},
	Permuted: true, Interleaved: true, RopeFreqs: true, Dynamic: true,
	NoHeadDim: true,
	Special: func(h *HFConfig, m *gguf.Metadata, t *tokenizer.Tokenizer, _ []int) {
		if !slices.Equal(h.Architectures, []string{"InternLM3ForCausalLM"}) {
			return
		}
		for id := range int32(t.Vocab()) { // what ends a turn ends the text
			if text, kind, _ := t.Token(id); text == "<|im_end|>" && kind == tokenizer.Control && t.EOS >= 0 {
				m.Set("tokenizer.ggml.eos_token_id", uint32(id))
				t.EOS = id
			}
		}
	},
	Metadata: llamaMetadata,
}

package arch

import (
	"errors"
	"strings"
	"testing"

	"bitmill/formats"
)

const sizes4 = `"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
	"num_key_value_heads": 4, "vocab_size": 99`

func TestWrappers(t *testing.T) {
	for name, tt := range map[string]struct {
		config, family string
		tied           bool
	}{
		"named inside": {`{"model_type": "any_vl", "text_config": {"model_type": "llama", ` + sizes4 + `}}`, "llama", false},
		"named by the wrapper": {`{"model_type": "smolvlm", "text_config": {` + sizes4 + `}, "tie_word_embeddings": true}`,
			"llama", true},
		"llm_config":     {`{"model_type": "internvl_chat", "llm_config": {"model_type": "qwen2", ` + sizes4 + `}}`, "qwen2", false},
		"flat":           {`{"model_type": "gemma3", ` + sizes4 + `}`, "gemma3_text", true},
		"twice the same": {`{"model_type": "gemma3", "text_config": {"model_type": "gemma3", ` + sizes4 + `}}`, "gemma3_text", true},
		"thinker": {`{"model_type": "x", "thinker_config": {"tie_word_embeddings": true, "text_config": {"model_type": "qwen2", ` +
			sizes4 + `}}}`, "qwen2", true},
		"tied inside": {`{"model_type": "llava", "tie_word_embeddings": false, "text_config": {"tie_word_embeddings": true, ` +
			sizes4 + `}}`, "llama", true},
		"tied inside only": {`{"model_type": "internvl", "tie_word_embeddings": false, "text_config": {"tie_word_embeddings": true, ` +
			sizes4 + `}}`, "qwen2", false},
		"tied outside only": {`{"model_type": "any", "tie_word_embeddings": true, "llm_config": {"tie_word_embeddings": false,
			"model_type": "qwen2", ` + sizes4 + `}}`, "qwen2", false},
		"null outside": {`{"model_type": "internvl", "tie_word_embeddings": null, "text_config": {"tie_word_embeddings": true, ` +
			sizes4 + `}}`, "qwen2", true},
		"null": {`{"model_type": "qwen2", "text_config": null, ` + sizes4 + `}`, "qwen2", false},
	} {
		h, err := ParseHF([]byte(tt.config))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, _, err := h.Config()
		if err != nil || c.Family != tt.family || c.Layers != 4 || c.Tied != tt.tied {
			t.Errorf("%s: family %s, %d layers, tied %v, error %v", name, c.Family, c.Layers, c.Tied, err)
		}
	}
}

// Keys of the wrapper are not the decoder's, but for a few that are about both.
func TestWrapperKeys(t *testing.T) {
	h, err := ParseHF([]byte(`{"model_type": "llava", "architectures": ["A"], "dtype": "float16", "num_key_value_heads": 2,
		"quantization_config": {"quant_method": "gptq", "bits": 4}, "rope_theta": 5,
		"text_config": {"architectures": ["B"], "dtype": "float32", "rope_theta": null, "hidden_act": "silu"}}`))
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := h.Config()
	if err != nil || c.Width != 4096 || c.Heads != 32 || c.KVHeads != 32 || c.Rope.Base != 10000 || c.Vocab != 32000 {
		t.Errorf("width %d, %d heads on %d, base %v, vocabulary of %d, error %v", c.Width, c.Heads, c.KVHeads, c.Rope.Base,
			c.Vocab, err)
	}
	if h.Architectures[0] != "A" || h.Dtype != "float16" || h.scheme.Method != "gptq" {
		t.Errorf("architectures %q, dtype %q, method %q", h.Architectures, h.Dtype, h.scheme.Method)
	}
}

func TestUnknownWrappers(t *testing.T) {
	for config, says := range map[string]string{
		`{"model_type": "llava", "text_config": {"model_type": "mamba"}}`: `model_type "mamba"`,
		`{"model_type": "any_vl", "text_config": {` + sizes4 + `}}`:       `model_type "any_vl"`,
		`{"text_config": {` + sizes4 + `}}`:                               "there is no model_type",
		`{"model_type": 3}`:                                               "model_type",
		`[]`:                                                              "a list",
	} {
		_, err := ParseHF([]byte(config))
		if err == nil || !strings.Contains(err.Error(), says) ||
			!errors.Is(err, formats.ErrCorrupt) && !errors.Is(err, formats.ErrUnsupported) {
			t.Errorf("%s: %v", config, err)
		}
	}
	_, err := familyOf("x")
	for line := range strings.Lines(err.Error()) {
		if len(line) > paragraphWidth+1 {
			t.Errorf("%q is long", line)
		}
	}
}

package arch

import (
	"errors"
	"strings"
	"testing"

	"bitmill/formats"
)

// Negative sizes and endless lists are refused by the name of their key, at once.
func TestImplausibleNumbers(t *testing.T) {
	const sizes = `"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
		"num_key_value_heads": 2, "vocab_size": 100, "q_lora_rank": 16, "kv_lora_rank": 16, "n_routed_experts": 4,
		"moe_intermediate_size": 32, "num_experts_per_tok": 2`
	for kind, keys := range map[string][]string{
		"llama":        {"max_position_embeddings", "head_dim", "intermediate_size"},
		"lfm2_moe":     {"conv_L_cache"},
		"qwen3_5_text": {"full_attention_interval", "linear_num_value_heads"},
		"falcon_h1":    {"mamba_d_head"},
		"gemma4_text":  {"num_kv_shared_layers"},
		"glm4_moe":     {"topk_group"},
	} {
		for _, key := range keys {
			h, err := ParseHF([]byte(`{"model_type": "` + kind + `", "` + key + `": -1, ` + strings.ReplaceAll(sizes,
				`"`+key+`"`, `"other"`) + `}`))
			if err == nil {
				_, _, err = h.Config()
			}
			if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), key+" is -1") {
				t.Errorf("%s with %s of -1: %v", kind, key, err)
			}
		}
	}
	h, err := ParseHF([]byte(`{"model_type": "glm4_moe_lite", "num_nextn_predict_layers": 1099511627776, ` + sizes + `}`))
	if err == nil {
		_, _, err = h.Config()
	}
	if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "predict further tokens") {
		t.Error(err)
	}
}

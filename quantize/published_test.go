package quantize

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"bitmill/formats/checkpoint"
)

// configs are published config.json files, cut down to what shapes depend on.
var configs = map[string]string{
	"Llama-3.1-8B": `{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":4096,"intermediate_size":14336,
		"num_hidden_layers":32,"num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":131072,
		"rms_norm_eps":1e-05,"rope_theta":500000.0,"rope_scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
		"original_max_position_embeddings":8192,"rope_type":"llama3"},"tie_word_embeddings":false,"torch_dtype":"bfloat16"}`,
	"Qwen2.5-7B": `{"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","hidden_size":3584,"intermediate_size":18944,
		"num_hidden_layers":28,"num_attention_heads":28,"num_key_value_heads":4,"vocab_size":152064,"max_position_embeddings":131072,
		"rms_norm_eps":1e-06,"rope_theta":1000000.0,"tie_word_embeddings":false,"torch_dtype":"bfloat16"}`,
	"Qwen2.5-0.5B": `{"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","hidden_size":896,"intermediate_size":4864,
		"num_hidden_layers":24,"num_attention_heads":14,"num_key_value_heads":2,"vocab_size":151936,"max_position_embeddings":32768,
		"rms_norm_eps":1e-06,"rope_theta":1000000.0,"tie_word_embeddings":true,"torch_dtype":"bfloat16"}`,
	"Qwen2.5-1.5B": `{"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","hidden_size":1536,"intermediate_size":8960,
		"num_hidden_layers":28,"num_attention_heads":12,"num_key_value_heads":2,"vocab_size":151936,"max_position_embeddings":131072,
		"rms_norm_eps":1e-06,"rope_theta":1000000.0,"tie_word_embeddings":true,"torch_dtype":"bfloat16"}`,
	"Qwen3-0.6B": `{"architectures":["Qwen3ForCausalLM"],"model_type":"qwen3","hidden_size":1024,"intermediate_size":3072,
		"num_hidden_layers":28,"num_attention_heads":16,"num_key_value_heads":8,"head_dim":128,"vocab_size":151936,
		"max_position_embeddings":40960,"rms_norm_eps":1e-06,"rope_theta":1000000,"tie_word_embeddings":true,"torch_dtype":"bfloat16"}`,
	"SmolLM2-135M": `{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":576,"intermediate_size":1536,
		"num_hidden_layers":30,"num_attention_heads":9,"num_key_value_heads":3,"vocab_size":49152,"max_position_embeddings":8192,
		"rms_norm_eps":1e-05,"rope_theta":100000,"tie_word_embeddings":true,"torch_dtype":"bfloat16"}`,
	"Llama-3.2-1B": `{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":2048,"intermediate_size":8192,
		"num_hidden_layers":16,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":64,"vocab_size":128256,"max_position_embeddings":131072,
		"rms_norm_eps":1e-05,"rope_theta":500000.0,"rope_scaling":{"factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
		"original_max_position_embeddings":8192,"rope_type":"llama3"},"tie_word_embeddings":true,"torch_dtype":"bfloat16"}`,
	"TinyLlama-1.1B": `{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":2048,"intermediate_size":5632,
		"num_hidden_layers":22,"num_attention_heads":32,"num_key_value_heads":4,"vocab_size":32000,"max_position_embeddings":2048,
		"rms_norm_eps":1e-05,"rope_theta":10000.0,"tie_word_embeddings":false,"torch_dtype":"bfloat16"}`,
}

func openConfig(t *testing.T, model string) *checkpoint.Checkpoint {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(configs[model]), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustPlan(t *testing.T, c *checkpoint.Checkpoint, o Options) *Plan {
	t.Helper()
	p, err := NewPlan(c, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPublishedBPW compares with the bits per weight in llama.cpp's tools/quantize/README.md for Llama-3.1-8B (rows
// that need or assume an imatrix are marked); Q4_0 and the first IQ4_XS are not in that table and were computed from
// the same rules by an independent script.
func TestPublishedBPW(t *testing.T) {
	c := openConfig(t, "Llama-3.1-8B")
	for _, tt := range []struct {
		format, bpw string
		imatrix     bool
	}{
		{"F16", "16.0005", false},
		{"Q8_0", "8.5008", false},
		{"Q6_K", "6.5633", false},
		{"Q5_K_M", "5.7036", false},
		{"Q5_K_S", "5.5704", false},
		{"Q4_K_M", "4.8944", false},
		{"Q4_K_S", "4.6672", false},
		{"Q4_0", "4.6358", false},
		{"IQ4_XS", "4.4597", false},
		{"IQ4_XS", "4.4231", true},
		{"Q3_K_L", "4.2979", false},
		{"Q3_K_M", "3.9960", false},
		{"IQ3_S", "3.6606", true},
		{"Q3_K_S", "3.6429", false},
		{"IQ3_XS", "3.4977", true},
		{"IQ3_XXS", "3.2548", true},
		{"Q2_K", "3.1593", false},
		{"IQ2_M", "2.9294", true},
		{"IQ2_XXS", "2.3824", true},
		{"IQ1_S", "2.0042", true},
	} {
		p := mustPlan(t, c, Options{Format: tt.format, AssumeImatrix: tt.imatrix})
		if got := p.BPW().String(); got != tt.bpw || p.Parameters != 8030261312 {
			t.Errorf("%s (imatrix %v): %s BPW over %d parameters, want %s over 8030261312", tt.format, tt.imatrix, got, p.Parameters, tt.bpw)
		}
	}
}

// TestPublishedBytes compares with tensor bytes computed by an independent script from the same rules and, for
// Qwen2.5-7B, with llama-bench's README.
func TestPublishedBytes(t *testing.T) {
	for model, sizes := range map[string]map[string]int64{
		"Llama-3.1-8B": {"Q2_K": 3171295488, "Q3_K_S": 3656663296, "Q3_K_M": 4011081984, "Q3_K_L": 4314120448, "Q4_0": 4653375744,
			"Q4_K_S": 4684833024, "Q4_K_M": 4912898304, "Q5_K_M": 5725151488, "Q6_K": 6588170496, "Q8_0": 8532934912},
		"Qwen2.5-7B": {"Q4_K_M": 4677120000},
	} {
		c := openConfig(t, model)
		for format, want := range sizes {
			if p := mustPlan(t, c, Options{Format: format}); p.PayloadBits != 8*want {
				t.Errorf("%s %s: %d bytes, want %d", model, format, p.PayloadBits/8, want)
			}
		}
	}
}

// TestSmallModels: bits per weight of models whose table of embeddings dominates, computed by an independent script
// from the same rules and rounded to four, then three decimals; and how many matrices fell back.
func TestSmallModels(t *testing.T) {
	names := []string{"Q2_K", "Q3_K_S", "Q3_K_M", "Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"}
	for _, tt := range []struct {
		model     string
		fallbacks int // Q2_K
		bpw       [8]float64
	}{
		{"Qwen2.5-0.5B", 144, [8]float64{5.387, 5.381, 5.660, 5.606, 6.346, 6.706, 8.093, 8.503}},
		{"SmolLM2-135M", 180, [8]float64{5.139, 5.139, 5.455, 5.349, 6.166, 6.561, 8.124, 8.506}},
		{"Qwen3-0.6B", 0, [8]float64{3.896, 4.256, 4.579, 5.041, 5.245, 5.885, 6.565, 8.503}},
		{"Llama-3.2-1B", 0, [8]float64{3.710, 4.103, 4.422, 4.940, 5.178, 5.850, 6.564, 8.501}},
		{"Qwen2.5-1.5B", 0, [8]float64{3.474, 3.913, 4.240, 4.814, 5.079, 5.800, 6.565, 8.502}},
		{"TinyLlama-1.1B", 0, [8]float64{3.137, 3.626, 3.983, 4.625, 4.851, 5.682, 6.565, 8.502}},
	} {
		c := openConfig(t, tt.model)
		for i, name := range names {
			p := mustPlan(t, c, Options{Format: name})
			if got := p.BPW().Float(); math.Abs(got-tt.bpw[i]) > 0.00055 {
				t.Errorf("%s %s: %.5f BPW, want %.3f", tt.model, name, got, tt.bpw[i])
			}
			if name == "Q2_K" && p.Fallbacks != tt.fallbacks {
				t.Errorf("%s %s: %d fallbacks, want %d", tt.model, name, p.Fallbacks, tt.fallbacks)
			}
		}
	}
}

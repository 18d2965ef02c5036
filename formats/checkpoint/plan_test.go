package checkpoint

import (
	"errors"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/checkpoint/checkpointtest"
)

const llama31 = `{"architectures": ["LlamaForCausalLM"], "attention_bias": false, "hidden_act": "silu", "hidden_size": 4096,
 "intermediate_size": 14336, "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32,
 "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0,
 "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
 "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 128256}`

const qwen25 = `{"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 3584, "intermediate_size": 18944,
 "max_position_embeddings": 131072, "max_window_layers": 28, "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28,
 "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 131072, "tie_word_embeddings": false,
 "torch_dtype": "bfloat16", "use_sliding_window": false, "vocab_size": 152064}`

const gemma3of4B = `{"architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999, "eos_token_id": [1, 106],
 "model_type": "gemma3", "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
 "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
 "torch_dtype": "bfloat16", "vision_config": {"hidden_size": 1152, "model_type": "siglip_vision_model", "num_hidden_layers": 27}}`

const mistralSmall31 = `{"architectures": ["Mistral3ForConditionalGeneration"], "image_token_index": 10, "model_type": "mistral3",
 "text_config": {"head_dim": 128, "hidden_act": "silu", "hidden_size": 5120, "intermediate_size": 32768,
 "max_position_embeddings": 131072, "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 40,
 "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 1000000000.0, "sliding_window": null, "vocab_size": 131072},
 "torch_dtype": "bfloat16", "vision_config": {"model_type": "pixtral"}, "vision_feature_layer": -1}`

const qwen25VL = `{"architectures": ["Qwen2_5_VLForConditionalGeneration"], "hidden_act": "silu", "hidden_size": 2048,
 "intermediate_size": 11008, "max_position_embeddings": 128000, "max_window_layers": 70, "model_type": "qwen2_5_vl",
 "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
 "sliding_window": 32768, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_sliding_window": false,
 "vision_config": {"depth": 32, "hidden_size": 1280, "spatial_patch_size": 14}, "rope_scaling": {"type": "mrope",
 "mrope_section": [16, 24, 24]}, "vocab_size": 151936}`

const qwen3VL235B = `{"architectures": ["Qwen3VLMoeForConditionalGeneration"], "model_type": "qwen3_vl_moe", "text_config":
 {"attention_bias": false, "decoder_sparse_step": 1, "dtype": "bfloat16", "head_dim": 128, "hidden_act": "silu",
 "hidden_size": 4096, "intermediate_size": 12288, "max_position_embeddings": 262144, "mlp_only_layers": [],
 "model_type": "qwen3_vl_moe_text", "moe_intermediate_size": 1536, "norm_topk_prob": true, "num_attention_heads": 64,
 "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 94, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
 "rope_scaling": {"mrope_interleaved": true, "mrope_section": [24, 20, 20], "rope_type": "default"}, "rope_theta": 5000000,
 "vocab_size": 151936}, "tie_word_embeddings": false, "vision_config": {"deepstack_visual_indexes": [8, 16, 24]}}`

// The published parameter counts of the decoders; llama.cpp adds Llama 3.1's 64 RoPE factors.
func TestPlanPublishedModels(t *testing.T) {
	for _, tt := range []struct {
		config     string
		parameters int64
		tensors    int
		first      string
	}{
		{llama31, 8_030_261_248 + 64, 292, "rope_freqs.weight"},
		{qwen25, 7_615_616_512, 339, "output.weight"},
		{gemma3of4B, 3_880_263_168, 444, "token_embd.weight"},
		{mistralSmall31, 23_572_403_200, 363, "output.weight"},
		{qwen25VL, 3_085_938_688, 434, "token_embd.weight"},
		{qwen3VL235B, 235_093_634_560, 1131, "output.weight"},
	} {
		c := plan(t, tt.config)
		if !c.Planned || c.ConfigErr != nil {
			t.Errorf("planned %v, ConfigErr %v", c.Planned, c.ConfigErr)
		}
		if c.size().Total != tt.parameters || len(c.Tensors) != tt.tensors || c.Tensors[0].Name != tt.first {
			t.Errorf("%d parameters in %d tensors from %s, want %d in %d from %s", c.size().Total, len(c.Tensors), c.Tensors[0].Name, tt.parameters, tt.tensors, tt.first)
		}
		for i := range c.Tensors {
			x := &c.Tensors[i]
			want := formats.BF16
			if len(x.Shape) == 1 || strings.HasSuffix(x.Name, "ffn_gate_inp.weight") {
				want = formats.F32
			}
			if x.Type != want || x.HasData() || x.Bytes() != nil {
				t.Errorf("%s: type %s, data %v", x.Name, x.Type, x.HasData())
			}
		}
		if err := c.Tensors[0].Floats(nil, 0, 0); err == nil || !strings.Contains(err.Error(), "only a plan") {
			t.Errorf("reading a plan: %v", err)
		}
	}
}

// A plan holds the tensors and the metadata of the checkpoint it stands for, except for the vocabulary and for what
// tensors say.
func TestPlanEqualsCheckpoint(t *testing.T) {
	for _, name := range checkpointtest.Names() {
		dir := checkpointtest.Load(t, name).Folder(t)
		o := OpenOptions{MTP: arch.DropMTP} // transformers does not save those blocks
		c, p := openWith(t, dir, o), openWith(t, dir+"/config.json", o)
		if len(c.Tensors) != len(p.Tensors) {
			t.Fatalf("%s: %d tensors planned, %d there", name, len(p.Tensors), len(c.Tensors))
		}
		for i := range c.Tensors {
			a, b := c.Tensors[i].Tensor, p.Tensors[i].Tensor
			if a.Name != b.Name || a.Type != b.Type || a.Elements() != b.Elements() || a.Cols() != b.Cols() {
				t.Errorf("%s: planned %v, there is %v", name, b, a)
			}
		}
		for _, key := range c.Metadata.Keys() {
			if strings.HasPrefix(key, "xielu.") {
				c.Metadata.Delete(key)
			}
		}
		sameMetadata(t, p.Metadata, c.Metadata)
	}
}

func TestPlanTypes(t *testing.T) {
	for dtype, want := range map[string]formats.Type{"float16": formats.F16, "float32": formats.F32, "torch.bfloat16": formats.BF16} {
		c := plan(t, strings.Replace(qwen25, "bfloat16", dtype, 1))
		if x, _ := c.Tensor("token_embd.weight"); x.Type != want {
			t.Errorf("%s: %s, want %s", dtype, x.Type, want)
		}
	}
	if _, err := tryPlan(t, strings.Replace(qwen25, "bfloat16", "int8", 1)); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("int8: %v", err)
	}
}

// tryPlan writes config.json into a folder and opens it.
func tryPlan(t *testing.T, config string) (*Checkpoint, error) {
	t.Helper()
	dir := t.TempDir()
	checkpointtest.WriteFile(t, dir, "config.json", []byte(config))
	return Open(dir + "/config.json")
}

func plan(t *testing.T, config string) *Checkpoint {
	t.Helper()
	c, err := tryPlan(t, config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

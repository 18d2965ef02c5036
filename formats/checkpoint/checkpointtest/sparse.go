package checkpointtest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Shape is what a sparse model of the llama family needs to be.
type Shape struct{ Width, FFN, Layers, Heads, KV, Vocab int }

// Sixteen is the shape of a model of 16.06 GB.
var Sixteen = Shape{Width: 4096, FFN: 14336, Layers: 32, Heads: 32, KV: 8, Vocab: 128256}

// Sparse writes a BF16 checkpoint of any size, without a tokenizer, as a folder, and returns the bytes of its weights.
// They are a hole in the file: they take no room on the disk and read as zeros.
func Sparse(t testing.TB, dir string, s Shape) int64 {
	t.Helper()
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header, end := map[string]entry{}, int64(0)
	add := func(name string, shape ...int) {
		n := int64(2)
		for _, d := range shape {
			n *= int64(d)
		}
		header[name] = entry{"BF16", shape, [2]int64{end, end + n}}
		end += n
	}
	add("model.embed_tokens.weight", s.Vocab, s.Width)
	add("lm_head.weight", s.Vocab, s.Width)
	add("model.norm.weight", s.Width)
	kv := s.KV * (s.Width / s.Heads)
	for l := range s.Layers {
		p := fmt.Sprintf("model.layers.%d.", l)
		add(p+"self_attn.q_proj.weight", s.Width, s.Width)
		add(p+"self_attn.k_proj.weight", kv, s.Width)
		add(p+"self_attn.v_proj.weight", kv, s.Width)
		add(p+"self_attn.o_proj.weight", s.Width, s.Width)
		add(p+"mlp.gate_proj.weight", s.FFN, s.Width)
		add(p+"mlp.up_proj.weight", s.FFN, s.Width)
		add(p+"mlp.down_proj.weight", s.Width, s.FFN)
		add(p+"input_layernorm.weight", s.Width)
		add(p+"post_attention_layernorm.weight", s.Width)
	}
	config := map[string]any{"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_size": s.Width,
		"intermediate_size": s.FFN,
		"num_hidden_layers": s.Layers, "num_attention_heads": s.Heads, "num_key_value_heads": s.KV, "vocab_size": s.Vocab,
		"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
		"torch_dtype": "bfloat16"}
	list, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	head := append(binary.LittleEndian.AppendUint64(nil, uint64(len(list))), list...)
	about, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(dir, "model.safetensors")
	for path, b := range map[string][]byte{weights: head, filepath.Join(dir, "config.json"): about} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(weights, int64(len(head))+end); err != nil {
		t.Fatal(err)
	}
	return end
}

package checkpointtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Hashes of what llama.cpp's converter wrote from a checkpoint made with numpy by the same rule: an embedding, a
// matrix and a matrix of another fan in (tensor bytes as they are: no row permutation applies to these), in BF16.
func TestWeights(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shape []int64
		want  string
	}{
		{"model.embed_tokens.weight", []int64{1024, 256}, "148878aaeb383f63ced04287dedcd5eea835448d6d0f4d85e2fcfe9183fb1c91"},
		{"lm_head.weight", []int64{1024, 256}, "82a38a62e7e59040691b70ca12d1c8ebe606752a9f29dac8684e0417f7950918"},
		{"model.layers.0.mlp.down_proj.weight", []int64{256, 512}, "95f0f8b0604d129ce5fff026d651217a924ecd73d3ff748b051a9f09a003f7f1"},
		{"model.layers.0.self_attn.v_proj.weight", []int64{128, 256}, "f930d6ce0ddf4b69e3f8c59026199e74990f34f941d6778e16cf2d8640f32fbf"},
	} {
		if got := fmt.Sprintf("%x", sha256.Sum256(bf16(Weights(tt.name, tt.shape)))); got != tt.want {
			t.Errorf("%s: hash %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCases(t *testing.T) {
	if n := len(Names()); n < 38 {
		t.Fatalf("%d cases, want 38 at least", n)
	}
	for _, name := range Names() {
		c := Load(t, name)
		n := len(c.Tokens)
		if n < 48 || len(c.Argmax) != n || len(c.LogSumExp) != n || len(c.Config) == 0 || len(c.Shapes) == 0 {
			t.Errorf("%s: incomplete", name)
		}
		if len(c.Logits) != len(c.Positions) || len(c.Logits[0]) != len(c.Columns) {
			t.Errorf("%s: %d x %d logits for %d positions and %d columns", name, len(c.Logits), len(c.Logits[0]), len(c.Positions), len(c.Columns))
		}
	}
}

func TestFolder(t *testing.T) {
	dir := Load(t, "llama").FolderWithTokenizer(t)
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

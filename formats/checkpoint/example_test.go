package checkpoint_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/formats/checkpoint"
)

// A bare config.json is enough to plan a model.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "config.json")
	config := `{"model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
		"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "tie_word_embeddings": true}`
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		log.Fatal(err)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	t := c.Tensors[0]
	fmt.Println(c.Config.Arch, c.Config.Layers, "layers,", len(c.Tensors), "tensors, the first", t.Name, t.Type, t.Shape)
	// Output: qwen3 28 layers, 310 tensors, the first token_embd.weight BF16 [1024 151936]
}

// Package checkpointtest makes small Hugging Face checkpoints for tests, with the logits that transformers computes
// on them. Every weight is a function of its tensor's name and its index (Weights), so nothing but a config, shapes
// and a sample of logits is stored.
//
// testdata/arch was written once with torch and transformers 5.23: models of random architecture parameters saved
// with save_pretrained, every weight replaced by the rule of Weights, logits computed in float32 with eager attention
// on 48 tokens. Three cases keep a config.json as people wrote it for transformers 4, with what the others leave out:
//
//	llama-bias    biases everywhere, linear scaling under "type", five heads of 48 on one key head, width 160
//	mistral-old   a window of 5 over three layers, heads wider than the model's share, num_key_value_heads left out
//	qwen2-window  a window from layer 1 on, eight heads on one key head, tied, vocabulary of 1037
//
// Of gpt-oss-mxfp4 the experts are stored in MXFP4, as the published checkpoints are, and were decoded for the logits.
// transformers has no spark2_5: the logits of spark were computed in float64 by its definition.
//
// transformers has no bailing_moe_v2: logits of bailing-moe are those of GLM-4.5's class, which computes the same, with
// the weights of the other names. Of models with a block behind the layers the class has no such block.
//
// testdata/tokenizer is a byte-level BPE of 1024 tokens trained on public-domain books.
package checkpointtest

import (
	"embed"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata
var files embed.FS

// Case is one checkpoint and what transformers computes on it.
type Case struct {
	Name   string             // llama, llama3-rope, qwen2 ...
	Config json.RawMessage    // config.json
	Shapes map[string][]int64 // every tensor by its Hugging Face name, slowest dimension first
	DTypes map[string]string  // of the tensors that are not BF16

	Tokens    []int32     // the input
	Positions []int       // token positions whose logits are kept
	Columns   []int       // vocabulary entries whose logits are kept
	Logits    [][]float32 // [position][column], float32 arithmetic on the bfloat16 weights
	Argmax    []int       // per token
	LogSumExp []float64   // per token, of all logits
}

// Names lists the cases, sorted.
func Names() []string {
	entries, err := files.ReadDir("testdata/arch")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// Load returns the named case.
func Load(t testing.TB, name string) *Case {
	t.Helper()
	data, err := files.ReadFile(path.Join("testdata/arch", name+".json"))
	if err != nil {
		t.Fatalf("checkpointtest: no case %q; there are %s", name, strings.Join(Names(), ", "))
	}
	var c struct {
		Config    json.RawMessage    `json:"config"`
		Tensors   map[string][]int64 `json:"tensors"`
		DTypes    map[string]string  `json:"dtypes"`
		Tokens    []int32            `json:"tokens"`
		Positions []int              `json:"positions"`
		Columns   []int              `json:"columns"`
		Logits    [][]float32        `json:"logits"`
		Argmax    []int              `json:"argmax"`
		LogSumExp []float64          `json:"logsumexp"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatalf("checkpointtest: case %s: %v", name, err)
	}
	return &Case{Name: name, Config: c.Config, Shapes: c.Tensors, DTypes: c.DTypes, Tokens: c.Tokens,
		Positions: c.Positions,
		Columns:   c.Columns, Logits: c.Logits, Argmax: c.Argmax, LogSumExp: c.LogSumExp}
}

// TensorNames lists the case's tensors in file order: sorted by name.
func (c *Case) TensorNames() []string {
	var names []string
	for n := range c.Shapes {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Folder writes config.json and model.safetensors (BF16) into a temporary folder called after the case and returns
// its path. There is no tokenizer: FolderWithTokenizer adds one.
func (c *Case) Folder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), c.Name)
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	WriteFile(t, dir, "config.json", c.Config)
	WriteFile(t, dir, "model.safetensors", c.Safetensors(t))
	return dir
}

// FolderWithTokenizer is Folder plus tokenizer.json and tokenizer_config.json: 1024 tokens, the vocabulary size of
// every case but qwen2-window, which leaves 13 rows without a token.
func (c *Case) FolderWithTokenizer(t testing.TB) string {
	t.Helper()
	dir := c.Folder(t)
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		data, err := files.ReadFile("testdata/tokenizer/" + name)
		if err != nil {
			t.Fatal(err)
		}
		WriteFile(t, dir, name, data)
	}
	return dir
}

// WriteFile writes one file of a folder.
func WriteFile(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
		t.Fatal(err)
	}
}

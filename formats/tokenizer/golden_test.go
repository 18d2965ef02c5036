package tokenizer

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"testing/fstest"
)

// small opens testdata/tokenizer.json with its top-level values replaced by those of edit and files beside it.
func small(t testing.TB, edit map[string]json.RawMessage, beside map[string]string) (*Tokenizer, error) {
	t.Helper()
	data, err := os.ReadFile("testdata/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	maps.Copy(file, edit)
	if data, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"tokenizer.json": {Data: data}}
	for name, text := range beside {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return FromFS(files, "folder")
}

// TestGolden compares with Hugging Face's tokenizers (testdata/golden.py).
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Texts  []string
		Golden []struct {
			Name string
			Edit map[string]json.RawMessage
			IDs  [][]int32
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	pre := map[string]string{"as it is": "smaug-bpe", "qwen2, NFC": "qwen2", "qwen35": "qwen35", "gpt-2": "gpt-2", "gpt-2, prefix": "gpt-2",
		"smollm, NFKC": "smollm", "cl100k": "smaug-bpe", "gpt-4o": "gpt-4o", "deepseek-v3": "deepseek-v3", "added": "smaug-bpe"}
	warned := map[string]int{"gpt-2, prefix": 1, "smollm, NFKC": 1} // GGUF has no key for these
	if len(file.Golden) != len(pre) || len(file.Texts) < 100 {
		t.Fatalf("%d tokenizers and %d texts", len(file.Golden), len(file.Texts))
	}
	for _, g := range file.Golden {
		t.Run(g.Name, func(t *testing.T) {
			tok, err := small(t, g.Edit, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tok.Pre != pre[g.Name] || len(tok.Warnings) != warned[g.Name] {
				t.Errorf("Pre %q, want %q; warnings %q", tok.Pre, pre[g.Name], tok.Warnings)
			}
			for i, text := range file.Texts {
				if got := tok.Encode(text, Options{ParseSpecial: true}); !slices.Equal(got, g.IDs[i]) {
					t.Errorf("%q\n got %v\nwant %v", text, got, g.IDs[i])
				}
			}
		})
	}
}

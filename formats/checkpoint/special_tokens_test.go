package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// withTokens gives the last ids of a folder's vocabulary to special tokens.
func withTokens(t *testing.T, dir, config string, tokens ...string) {
	t.Helper()
	path := filepath.Join(dir, "tokenizer.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	model := file["model"].(map[string]any)
	vocab := model["vocab"].(map[string]any)
	for i, text := range tokens {
		id := float64(len(vocab) - len(tokens) + i)
		for old, n := range vocab {
			if n == id {
				delete(vocab, old)
				model["merges"] = slices.DeleteFunc(model["merges"].([]any), func(m any) bool {
					parts, isText := m.(string)
					if pair, ok := m.([]any); ok {
						parts = pair[0].(string) + " " + pair[1].(string)
					} else if !isText {
						t.Fatal(m)
					}
					return strings.ReplaceAll(parts, " ", "") == old || slices.Contains(strings.Split(parts, " "), old)
				})
			}
		}
		vocab[text] = id
		file["added_tokens"] = append(file["added_tokens"].([]any), map[string]any{"id": id, "content": text, "special": true})
	}
	data, err = json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.WriteFile(t, dir, "tokenizer.json", data)
	checkpointtest.WriteFile(t, dir, "tokenizer_config.json", []byte(config))
}

// The keys of special tokens, in order, as llama.cpp's converter wrote them for the same folders.
func TestForcedSpecialTokens(t *testing.T) {
	for name, want := range map[string]string{
		"glm4":     "eos 1021, pad 0, eot 1021, unk 0, bos 0",
		"glm4-moe": "eos 1021, pad 0, bos 1022, eot 1021, unk 0, eom 1023",
	} {
		k := checkpointtest.Load(t, name)
		for _, id := range []string{"bos", "eos", "pad"} {
			k.Config = regexp.MustCompile(`"`+id+`_token_id": *[^,}]*,?`).ReplaceAll(k.Config, nil)
		}
		dir := k.FolderWithTokenizer(t)
		withTokens(t, dir, `{"eos_token": "<|user|>", "pad_token": "<|endoftext|>"}`, "<|user|>", "[gMASK]", "<|observation|>")
		c := open(t, dir)
		var got []string
		for _, key := range c.Metadata.Keys() {
			if id, ok := strings.CutSuffix(key, "_token_id"); ok {
				n, _, _ := c.Metadata.Uint(key)
				id = strings.TrimPrefix(id, "tokenizer.ggml.")
				id = strings.NewReplacer("padding", "pad", "unknown", "unk").Replace(id)
				got = append(got, id+" "+string(must(json.Marshal(n))))
			}
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s: %s, want %s", name, s, want)
		}
	}
}

func must(data []byte, _ error) []byte { return data }

package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// A folder for sentence-transformers says how embeddings are pooled; one of a reranker is told from a language model.
func TestEmbeddingsAndRerankers(t *testing.T) {
	for _, name := range []string{"plain", "pooled", "Qwen3-Reranker-0.6B"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Rename(checkpointtest.Load(t, "qwen3").Folder(t), dir); err != nil {
			t.Fatal(err)
		}
		if name == "pooled" {
			checkpointtest.WriteFile(t, dir, "modules.json", []byte(`[{"path": "", "type": "sentence_transformers.models.Pooling"}]`))
			config, err := os.ReadFile(filepath.Join(dir, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			checkpointtest.WriteFile(t, dir, "config.json",
				[]byte(strings.Replace(string(config), "{", `{"pooling_mode_lasttoken": true, `, 1)))
		}
		c := open(t, dir)
		v, pooled := c.Metadata.Get("qwen3.pooling_type")
		if pooled != (name == "pooled") || pooled && v != uint32(3) {
			t.Errorf("%s: pooling_type is %v", name, v)
		}
		if told := strings.Contains(strings.Join(c.Warnings, " "), "reranker"); told != strings.Contains(name, "Reranker") {
			t.Errorf("%s: warnings %q", name, c.Warnings)
		}
	}
}

package steps

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/file"
)

// TestCheckOutput: files that bitmill wrote, GGUF files and empty ones may be replaced, others with force only.
func TestCheckOutput(t *testing.T) {
	dir := t.TempDir()
	hash := strings.Repeat("0a", 32)
	for name, tt := range map[string]struct {
		text string
		ours bool
	}{
		"empty":         {"", true},
		"model.gguf":    {"GGUF\x03\x00\x00\x00", true},
		"report.json":   {"{\n \"schema\": 1,\n \"tool\": \"bitmill 0.2.0\",\n", true},
		"report.md":     {"# bitmill report\n\nA sentence.\n", true},
		"batch.json":    {"{\n \"jobs\": [\n  {\n   \"name\": \"a\",\n", true},
		"sums":          {hash + "  token_embd.weight\n", true},
		"SHA256SUMS":    {hash + "  release.tar.gz\n", false},
		"tokenizer":     {"{\"version\": \"1.0\", \"tool\": \"bitmill\"}", false},
		"notes.md":      {"# My report\n", false},
		"short":         {"x", false},
		"other.gguf":    {"not a model", false},
		"recorded.gguf": {"damaged, but recorded", true},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if name == "recorded.gguf" {
			out := []file.Written{{Path: name, Bytes: 3, SHA256: hash}}
			if err := (Store{dir}).Save("quantize-Q8_0", "key", out, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := CheckOutput(path, false); (err == nil) != tt.ours || err != nil && !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
		if err := CheckOutput(path, true); err != nil {
			t.Errorf("%s with force: %v", name, err)
		}
	}
	p, err := file.Create(filepath.Join(dir, "busy"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	if err := CheckFree(p.Path(), true); !errors.Is(err, file.ErrBusy) {
		t.Errorf("a file that is being written: %v", err)
	}
	if err := CheckOutput(filepath.Join(dir, "new"), false); err != nil {
		t.Error(err)
	}
}

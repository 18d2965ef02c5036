package checkpoint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// A link that leads out of the folder is told; one to another file in it, or within Hugging Face's cache, is not.
func TestLinksAreTold(t *testing.T) {
	told := func(dir string) bool {
		t.Helper()
		c, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "is a link to") })
	}
	link := func(to, path string) {
		t.Helper()
		if err := os.Symlink(to, path); err != nil {
			t.Skip(err) // not on this system
		}
	}
	dir := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	if told(dir) {
		t.Error("a folder without links")
	}
	link("tokenizer.json", filepath.Join(dir, "other.json"))
	if told(dir) {
		t.Error("a link inside")
	}
	link("/etc/hostname", filepath.Join(dir, "chat_template.jinja"))
	if !told(dir) {
		t.Error("a link to /etc/hostname was not told")
	}
	root := filepath.Join(t.TempDir(), "models--org--name")
	blobs, snapshot := filepath.Join(root, "blobs"), filepath.Join(root, "snapshots", "abc")
	if err := os.MkdirAll(snapshot, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Dir(dir), blobs); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json"} {
		link(filepath.Join("..", "..", "blobs", filepath.Base(dir), name), filepath.Join(snapshot, name))
	}
	if told(snapshot) {
		t.Error("a snapshot of the cache")
	}
}

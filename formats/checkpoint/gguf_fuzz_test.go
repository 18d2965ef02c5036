package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// FuzzOpen: no GGUF file makes opening it as a model, or reading its tensors, panic. The seeds have few layers.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "model.gguf")
	for _, name := range []string{"llama", "gemma2", "deepseek-v2", "mamba2"} {
		c, err := Open(checkpointtest.Load(f, name).FolderWithTokenizer(f))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(headerOf(f, c))
		c.Close()
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		if len(header) > 1<<20 {
			return
		}
		// The data are zeros behind the header, as many as it asks for.
		if err := os.WriteFile(path, header, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, int64(len(header))+16<<20); err != nil {
			t.Fatal(err)
		}
		c, err := Open(path)
		if err != nil {
			return
		}
		defer c.Close()
		for i := range c.Tensors {
			x := &c.Tensors[i]
			if n := x.Elements(); n < 1<<16 {
				x.Floats(make([]float32, n), 0, x.Rows())
			}
		}
	})
}

// headerOf is the beginning of a GGUF file of the checkpoint, up to the data.
func headerOf(t testing.TB, c *Checkpoint) []byte {
	t.Helper()
	m := c.Metadata.Clone()
	addTo(m, c.ExtraMetadata())
	var list []formats.Tensor
	for i := range c.Tensors {
		list = append(list, c.Tensors[i].Tensor)
	}
	var b bytes.Buffer
	if _, err := gguf.WriteHeader(&b, m, list); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

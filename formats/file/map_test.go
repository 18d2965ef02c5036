package file

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestRelease(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 4096) // several pages
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Map(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Data, want) {
		t.Fatal("the mapping differs from the file")
	}
	Release(m.Data[100 : len(m.Data)-1])
	Release(m.Data)
	Release(nil)
	if !bytes.Equal(m.Data, want) {
		t.Error("released bytes do not come back")
	}
	memory := bytes.Clone(want)
	Release(memory)
	if !bytes.Equal(memory, want) {
		t.Error("memory outside mappings was dropped")
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if len(mapped.list) != 0 {
		t.Errorf("%d mappings are still listed", len(mapped.list))
	}
}

package pages

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGroupLeft(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := groupLeft(dir); ok {
		t.Error("a group without a limit has one")
	}
	write("memory.max", "max\n")
	write("memory.current", "700\n")
	if _, ok := groupLeft(dir); ok {
		t.Error(`"max" is a limit`)
	}
	write("memory.max", "1000\n")
	write("memory.stat", "anon 500\nfile 150\nfile_mapped 9\n")
	if n, ok := groupLeft(dir); !ok || n != 450 {
		t.Errorf("%d bytes are left, %v", n, ok)
	}
	write("memory.current", "7000\n")
	if n, ok := groupLeft(dir); !ok || n != 0 {
		t.Errorf("%d bytes are left above the limit, %v", n, ok)
	}
}

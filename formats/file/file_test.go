package file

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestPendingAppearsWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.gguf")
	p, err := Create(path, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.WriteAt([]byte("data"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file has its final name before Commit")
	}
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	p.Abort()
	if b, err := os.ReadFile(path); err != nil || string(b) != "data" {
		t.Fatalf("after Commit: %q, %v", b, err)
	}
	if p, err = Create(path, 4); err != nil {
		t.Fatal(err)
	}
	p.Abort()
	if b, _ := os.ReadFile(path); string(b) != "data" {
		t.Errorf("an aborted rewrite left %q", b)
	}
	if _, err := os.Stat(path + ".part"); err == nil {
		t.Error("Abort left the .part file")
	}
	if err := p.Commit(); err == nil {
		t.Error("Commit after Abort succeeded")
	}
}

func TestSpaceIsCheckedBeforeWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	_, err := Create(path, math.MaxInt64)
	if _, can := freeSpace(filepath.Dir(path)); can && !errors.Is(err, ErrNoSpace) {
		t.Errorf("8 EiB were promised: %v", err)
	}
	if _, err := os.Stat(path + ".part"); err == nil {
		t.Error("the check left a file")
	}
}

func TestMap(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, want := range []string{"", "some bytes"} {
		if err := Write(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		m, err := Map(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Data) != want {
			t.Errorf("mapped %q, want %q", m.Data, want)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Map(dir); err == nil {
		t.Error("a folder was mapped")
	}
	if _, err := Map(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

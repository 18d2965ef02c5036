package file

import (
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
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

func TestOneWriterAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.gguf")
	first, err := Create(path, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, 4); holdOpen && !errors.Is(err, ErrBusy) {
		t.Errorf("a second writer: %v", err)
	}
	if _, err := first.Write([]byte("data")); err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	second, err := Create(path, 4)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "data" {
		t.Errorf("while it is written anew: %q, %v", b, err)
	}
	second.Abort()
	third, err := Create(path, 4)
	if err != nil {
		t.Fatal(err)
	}
	third.Abort()
}

// A link under the unfinished file's name, or under its journal's, is not followed.
func TestNoLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "a")
	if err := os.WriteFile(precious, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{path + ".part", journalPath(path)} {
		if err := os.Symlink(precious, link); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(path, 1); err == nil || !strings.Contains(err.Error(), link+" is in the way") {
			t.Errorf("Create beside a link %s: %v", link, err)
		}
		if _, err := Resume(path, 1, "key", sha256.New()); err == nil || !strings.Contains(err.Error(), link+" is in the way") {
			t.Errorf("Resume beside a link %s: %v", link, err)
		}
		if b, err := os.ReadFile(precious); err != nil || string(b) != "x" {
			t.Errorf("the linked file holds %q, %v", b, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckTarget(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                              "has no name",
		dir:                             "it is a folder",
		filepath.Join(dir, "no", "a"):   "there is no folder",
		filepath.Join(dir, "file", "a"): "cannot be written",
		filepath.Join(dir, "a"):         "",
		filepath.Join(dir, "file"):      "",
		os.DevNull:                      "not a regular file",
	} {
		err := CheckTarget(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckTarget(%q): %v, want %q", path, err, want)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("left in the folder: %v, %v", list, err)
	}
}

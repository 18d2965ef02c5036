//go:build unix

package file

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is not a regular file is refused without waiting, by everything that reads.
func TestReadDoesNotWait(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("unix", socket); err == nil {
		defer l.Close()
	}
	linked := filepath.Join(dir, "linked")
	if err := os.Symlink("/dev/zero", linked); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(path string) error{
		"Read":   func(path string) error { _, err := Read(path); return err },
		"Map":    func(path string) error { _, err := Map(path); return err },
		"Open":   func(path string) error { _, _, err := Open(path); return err },
		"Folder": func(path string) error { _, err := fs.ReadFile(Folder(dir), filepath.Base(path)); return err },
	} {
		for _, path := range []string{pipe, linked, dir} {
			if name == "Folder" && path == dir {
				continue
			}
			ended := make(chan error, 1)
			go func() { ended <- read(path) }()
			select {
			case err := <-ended:
				if !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s of %s: %v", name, path, err)
				}
			case <-time.After(5 * time.Second):
				t.Errorf("%s of %s waits", name, path)
			}
		}
		if err := read(socket); err == nil {
			t.Errorf("%s read a socket", name)
		}
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 1<<40); err != nil {
		t.Skip(err) // the file system has no holes
	}
	if _, err := Read(large); err == nil {
		t.Error("a file of a terabyte was read")
	}
	if _, err := fs.ReadFile(Folder(dir), "../large"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a file outside the folder: %v", err)
	}
}

// Nothing is written through a link that appears after the names have been checked, nor into a file of two names.
func TestOpenOwn(t *testing.T) {
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "a.part")
	if err := os.WriteFile(precious, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func() error{
		"link":      func() error { return os.Symlink(precious, path) },
		"no target": func() error { return os.Symlink(filepath.Join(dir, "new"), path) },
		"hard link": func() error { return os.Link(precious, path) },
		"pipe":      func() error { return syscall.Mkfifo(path, 0o644) },
		"folder":    func() error { return os.Mkdir(path, 0o755) },
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if f, err := OpenOwn(path, os.O_RDWR); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		if p, err := Create(filepath.Join(dir, "a"), 0); err == nil {
			t.Errorf("%s: written as %s", name, p.Path())
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(precious); err != nil || string(b) != "x" {
			t.Errorf("%s: the file holds %q, %v", name, b, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
		t.Error("the target of a link was created")
	}
}

// A link under the final name is replaced, also one that appears while the file is written; its target stays.
func TestFinalNameIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "a")
	if err := os.WriteFile(precious, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Create(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, path); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() {
		t.Errorf("%v, %v", st, err)
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "x" {
		t.Errorf("the target holds %q, %v", b, err)
	}
}

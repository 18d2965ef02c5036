package filetest_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bitmill/formats/file"
	"bitmill/formats/file/filetest"
)

// faults is every way in which the disk lets a writer down.
var faults = []struct {
	name  string
	fault filetest.Fault
	want  error
}{
	{"no space to open", filetest.Fault{Op: "open", Err: syscall.ENOSPC}, syscall.ENOSPC},
	{"full at once", filetest.Fault{Op: "write", Err: syscall.ENOSPC}, syscall.ENOSPC},
	{"full in the middle", filetest.Fault{Op: "write", After: 1, Part: 2, Err: syscall.ENOSPC}, syscall.ENOSPC},
	{"broken", filetest.Fault{Op: "write", After: 1, Err: syscall.EIO}, syscall.EIO},
	{"short", filetest.Fault{Op: "write", After: 1}, io.ErrShortWrite},
	{"sync", filetest.Fault{Op: "sync", Err: syscall.EIO}, syscall.EIO},
	{"rename", filetest.Fault{Op: "rename", Err: syscall.EACCES}, syscall.EACCES},
}

func write(path, data string) error {
	p, err := file.Create(path, int64(len(data)))
	if err != nil {
		return err
	}
	defer p.Abort()
	for i := range len(data) {
		if _, err := p.Write([]byte(data[i : i+1])); err != nil {
			return err
		}
	}
	return p.Commit()
}

func TestEarlierContentSurvivesEveryFault(t *testing.T) {
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.gguf")
			if err := write(path, "earlier"); err != nil {
				t.Fatal(err)
			}
			struck := filetest.Inject(t, tt.fault)
			err := write(path, "new content")
			if !errors.Is(err, tt.want) || struck() == 0 {
				t.Fatalf("%v after %d faults, want %v", err, struck(), tt.want)
			}
			if text := err.Error(); !strings.HasPrefix(text, path+" cannot be written: ") || strings.Contains(text, ".part") {
				t.Errorf("error %q", text)
			}
			checkFolder(t, map[string]string{path: "earlier"})
		})
	}
}

func checkFolder(t *testing.T, want map[string]string) {
	t.Helper()
	for path, data := range want {
		list, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(list) != len(want) {
			t.Errorf("%v, %v", list, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != data {
			t.Errorf("%s holds %q (%v), want %q", filepath.Base(path), b, err, data)
		}
	}
}

// Of a set, every rename is made to fail in turn: all names keep what they had.
func TestSetSurvivesEveryFault(t *testing.T) {
	for name, fault := range map[string]filetest.Fault{
		"first sync":  {Op: "sync", Err: syscall.EIO},
		"last sync":   {Op: "sync", After: 2, Err: syscall.EIO},
		"rename of a": {Op: "rename", After: 2, Err: syscall.EIO},
		"rename of b": {Op: "rename", After: 1, Err: syscall.EIO},
		"rename of c": {Op: "rename", Err: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
			for path, data := range map[string]string{a: "old a", c: "old c"} {
				if err := write(path, data); err != nil {
					t.Fatal(err)
				}
			}
			var set []*file.Pending
			for _, path := range []string{a, b, c} {
				p, err := file.Create(path, 3)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := p.Write([]byte("new")); err != nil {
					t.Fatal(err)
				}
				set = append(set, p)
			}
			struck := filetest.Inject(t, fault)
			if err := file.CommitAll(set); !errors.Is(err, syscall.EIO) || struck() == 0 {
				t.Fatal(err)
			}
			checkFolder(t, map[string]string{a: "old a", c: "old c"})
		})
	}
}

// A mark that did not reach the disk is an error, and nothing vouches for bytes that were not synced.
func TestMarkFails(t *testing.T) {
	for op, want := range map[string]int64{"sync": 0, "write": 0} {
		path := filepath.Join(t.TempDir(), "a")
		p, err := file.Resume(path, 0, "key", sha256.New())
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		h.Write([]byte("data"))
		if _, err := p.Write([]byte("data")); err != nil {
			t.Fatal(err)
		}
		t.Run(op, func(t *testing.T) {
			filetest.Inject(t, filetest.Fault{Op: op, Err: syscall.EIO})
			if err := p.Mark(4, h.Sum(nil)); !errors.Is(err, syscall.EIO) {
				t.Errorf("Mark: %v", err)
			}
		})
		p.Keep()
		p, err = file.Resume(path, 0, "key", sha256.New())
		if err != nil {
			t.Fatal(err)
		}
		if p.Kept() != want {
			t.Errorf("after a failing %s %d bytes are kept", op, p.Kept())
		}
		p.Abort()
		checkFolder(t, nil)
	}
}

// operations are all that a fault can strike.
var operations = []string{"open", "write", "sync", "close", "rename", "sync folder"}

// everyFault lets work fail at the first operation of each kind, at the second and so on, until there is none left to
// fail, and calls check with what came of it.
func everyFault(t *testing.T, work func(dir string) error, check func(t *testing.T, dir, op string, err error)) {
	for _, op := range operations {
		for after := 0; ; after++ {
			dir, struck, err := t.TempDir(), 0, error(nil)
			for _, name := range []string{"a", "b"} {
				if err := write(filepath.Join(dir, name), "earlier "+name); err != nil {
					t.Fatal(err)
				}
			}
			t.Run(op, func(t *testing.T) {
				hits := filetest.Inject(t, filetest.Fault{Op: op, After: after, Part: 1, Err: syscall.EIO})
				err = work(dir)
				struck = hits()
			})
			if struck == 0 {
				if err != nil || after == 0 {
					t.Errorf("%s %d: %v", op, after, err)
				}
				break
			}
			if op != "close" && !errors.Is(err, syscall.EIO) { // what was synced before cannot be lost by closing
				t.Errorf("%s %d failed, and nobody was told: %v", op, after, err)
			}
			check(t, dir, op, err)
		}
	}
}

// contents reads the files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(b)
	}
	return found
}

// Whatever fails, and when: a final name holds what it held before or everything that was written, and nothing else is
// left.
func TestFinalNameIsNeverPartial(t *testing.T) {
	everyFault(t, func(dir string) error { return write(filepath.Join(dir, "a"), "new") }, func(t *testing.T, dir, op string, err error) {
		want := "earlier a"
		if err == nil || op == "sync folder" { // complete, but its name may not last
			want = "new"
		}
		if got := contents(t, dir); got["a"] != want || got["b"] != "earlier b" || len(got) != 2 {
			t.Errorf("%s: %v; the folder holds %q", op, err, got)
		}
	})
}

// The same of a set: all new or all as before.
func TestSetIsNeverMixed(t *testing.T) {
	work := func(dir string) error {
		var set []*file.Pending
		defer func() {
			for _, p := range set {
				p.Abort()
			}
		}()
		for _, name := range []string{"a", "b"} {
			p, err := file.Create(filepath.Join(dir, name), 3)
			if err != nil {
				return err
			}
			set = append(set, p)
			if _, err := p.Write([]byte("new")); err != nil {
				return err
			}
		}
		return file.CommitAll(set)
	}
	everyFault(t, work, func(t *testing.T, dir, op string, err error) {
		a, b := "earlier a", "earlier b"
		if err == nil || op == "sync folder" {
			a, b = "new", "new"
		}
		if got := contents(t, dir); got["a"] != a || got["b"] != b || len(got) != 2 {
			t.Errorf("%s: %v; the folder holds %q", op, err, got)
		}
	})
}

// The same of a file with a journal; what is left of it is taken up, or nothing is.
func TestMarkedFileIsNeverPartial(t *testing.T) {
	work := func(dir string) error {
		h := sha256.New()
		p, err := file.Resume(filepath.Join(dir, "a"), 0, "key", h)
		if err != nil {
			return err
		}
		defer p.Keep()
		for _, part := range []string{"one", "two", "three"}[p.Kept()/3:] {
			h.Write([]byte(part))
			if _, err := p.Write([]byte(part)); err != nil {
				return err
			}
			if part == "three" {
				break
			}
			if err := p.Mark(map[string]int64{"one": 3, "two": 6}[part], h.Sum(nil)); err != nil {
				return err
			}
		}
		return p.Commit()
	}
	everyFault(t, work, func(t *testing.T, dir, op string, err error) {
		want := "earlier a"
		if err == nil || op == "sync folder" {
			want = "onetwothree"
		}
		if got := contents(t, dir); got["a"] != want || got["b"] != "earlier b" {
			t.Errorf("%s: %v; the folder holds %q", op, err, got)
		}
		if err := work(dir); err != nil {
			t.Errorf("%s: the next attempt: %v", op, err)
		}
		if got := contents(t, dir); got["a"] != "onetwothree" || len(got) != 2 {
			t.Errorf("%s: after the next attempt the folder holds %q", op, got)
		}
	})
}

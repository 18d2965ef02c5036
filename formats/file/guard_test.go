//go:build linux || darwin || freebsd

package file

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// mappedPages maps a new file of whole pages.
func mappedPages(t *testing.T, pages int) *Mapped {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(path, bytes.Repeat([]byte{7}, pages*os.Getpagesize()), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Map(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		WereUnchanged()
	})
	return m
}

var total int

func sum(b []byte) {
	for _, c := range b {
		total += int(c)
	}
}

// A file that is cut short while it is mapped ends what reads it with an error that names it, whoever reads: Go code,
// assembly of the runtime, or the system on its way to another file.
func TestGuardCutShort(t *testing.T) {
	for name, read := range map[string]func(m *Mapped, out *Pending) error{
		"bytes": func(m *Mapped, _ *Pending) error { sum(m.Data); return nil },
		"copy":  func(m *Mapped, _ *Pending) error { copy(make([]byte, len(m.Data)), m.Data); return nil },
		"index": func(m *Mapped, _ *Pending) error { bytes.IndexByte(m.Data, 8); return nil },
		"write": func(m *Mapped, out *Pending) error { _, err := out.Write(m.Data); return err },
		"closed on the way": func(m *Mapped, _ *Pending) error {
			defer m.Close()
			sum(m.Data)
			return nil
		},
	} {
		m := mappedPages(t, 3)
		out, err := Create(filepath.Join(t.TempDir(), "out"), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := Guard(func() error { return read(mappedPages(t, 1), out) }); err != nil {
			t.Errorf("%s of a whole file: %v", name, err)
		}
		if err := os.Truncate(m.Path, int64(os.Getpagesize())); err != nil {
			t.Fatal(err)
		}
		err = Guard(func() error { return read(m, out) })
		if !errors.Is(err, ErrChanged) || !strings.HasPrefix(err.Error(), m.Path+" ") {
			t.Errorf("%s: %v", name, err)
		}
		out.Abort()
	}
}

// Other errors and panics pass.
func TestGuardPasses(t *testing.T) {
	want := errors.New("other")
	if err := Guard(func() error { return want }); err != want {
		t.Error(err)
	}
	var none *int
	for name, f := range map[string]func(){"panic": func() { panic(want) }, "nil": func() { *none++ }} {
		func() {
			defer func() {
				p := recover()
				if fault, ok := p.(runtime.Error); p != any(want) && (!ok || !strings.Contains(fault.Error(), "nil pointer")) {
					t.Errorf("%s: recovered %v", name, p)
				}
			}()
			t.Error(Guard(func() error { f(); return nil }))
		}()
	}
}

// What reads as zeros or as a mixture gives no fault: a file with another size or time is caught before anything counts.
func TestChangedInPlace(t *testing.T) {
	for name, c := range map[string]struct {
		change func(path string) error
		caught bool
	}{
		"cut within the last page": {func(p string) error { return os.Truncate(p, int64(os.Getpagesize())-9) }, true},
		"longer":                   {func(p string) error { return os.Truncate(p, 1<<20) }, true},
		"overwritten":              {func(p string) error { return os.WriteFile(p, make([]byte, os.Getpagesize()), 0o644) }, true},
		"left alone":               {func(string) error { return nil }, false},
		"removed":                  {os.Remove, false},
		"replaced under its name":  {func(p string) error { return Write(p, []byte("new")) }, false},
	} {
		path := filepath.Join(t.TempDir(), "weights")
		if err := os.WriteFile(path, make([]byte, os.Getpagesize()), 0o644); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour) // a clock of any grain tells the difference
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		m, err := Map(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.change(m.Path); err != nil {
			t.Fatal(err)
		}
		journal, err := OpenJournal(filepath.Join(t.TempDir(), "journal"), "key", func([]byte) error { return nil })
		if errors.Is(err, ErrChanged) != c.caught { // its first line
			t.Errorf("%s: a journal opens with %v", name, err)
		}
		if err == nil {
			journal.Close()
		}
		target := filepath.Join(t.TempDir(), "out")
		if err := Write(target, []byte("result")); errors.Is(err, ErrChanged) != c.caught || !c.caught && err != nil {
			t.Errorf("%s: written with %v", name, err)
		}
		if _, err := os.Stat(target); (err == nil) == c.caught {
			t.Errorf("%s: the result exists: %v", name, err == nil)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if err := WereUnchanged(); errors.Is(err, ErrChanged) != c.caught {
			t.Errorf("%s: after closing: %v", name, err)
		}
		if err := WereUnchanged(); err != nil {
			t.Errorf("%s: told twice: %v", name, err)
		}
	}
}

package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// half writes "first" and marks it, writes "second" and stops as told.
func half(t *testing.T, path, key string, stop func(*Pending)) {
	t.Helper()
	h := sha256.New()
	p, err := Resume(path, 0, key, h)
	if err != nil {
		t.Fatal(err)
	}
	if p.Kept() != 0 {
		t.Fatalf("%d bytes were kept of nothing", p.Kept())
	}
	for _, part := range []string{"first", "second"} {
		h.Write([]byte(part))
		if _, err := p.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		if err := p.Mark(map[string]int64{"first": 5, "second": 11}[part], h.Sum(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	stop(p)
}

// killed is what is left of a file whose process was killed.
func killed(p *Pending) { p.f.Close(); p.journal.Close() }

func TestResumeGoesOnAtTheLastMark(t *testing.T) {
	for name, stop := range map[string]func(*Pending){"killed": killed, "kept": (*Pending).Keep} {
		path := filepath.Join(t.TempDir(), "a")
		half(t, path, "key", stop)
		h := sha256.New()
		p, err := Resume(path, 15, "key", h)
		if err != nil {
			t.Fatal(err)
		}
		if p.Kept() != 11 {
			t.Errorf("%s: %d bytes kept, want 11", name, p.Kept())
		}
		h.Write([]byte("third"))
		if _, err := p.Write([]byte("third")); err != nil {
			t.Fatal(err)
		}
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != "firstsecondthird" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if sum := sha256.Sum256(got); !bytes.Equal(sum[:], h.Sum(nil)) {
			t.Errorf("%s: the hash was not taken up", name)
		}
		checkOnly(t, path)
	}
}

// checkOnly wants nothing but the file itself in its folder.
func checkOnly(t *testing.T, path string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name() != filepath.Base(path) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

// Whatever happens to the two files, what is kept was marked and is unharmed.
func TestResumeTrustsOnlyWhatIsMarkedAndUnharmed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	half(t, path, "key", killed)
	journal, err := os.ReadFile(journalPath(path))
	if err != nil {
		t.Fatal(err)
	}
	part, err := os.ReadFile(path + ".part")
	if err != nil {
		t.Fatal(err)
	}
	kept := func(key string, part, journal []byte) int64 {
		t.Helper()
		for name, b := range map[string][]byte{path + ".part": part, journalPath(path): journal} {
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Resume(path, 0, key, sha256.New())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Abort()
		if got, err := os.ReadFile(path + ".part"); err != nil || !bytes.HasPrefix(part, got) || int64(len(got)) != p.Kept() {
			t.Fatalf("%d bytes kept, the file holds %q, %v", p.Kept(), got, err)
		}
		return p.Kept()
	}
	lines := bytes.SplitAfter(journal, []byte("\n"))
	head, one, two := len(lines[0]), len(lines[0])+len(lines[1]), len(journal)
	for cut := 0; cut <= len(journal); cut++ {
		want := int64(0)
		switch {
		case cut == two:
			want = 11
		case cut >= one:
			want = 5
		}
		if got := kept("key", part, journal[:cut]); got != want {
			t.Errorf("journal cut at %d of %d: %d bytes kept, want %d", cut, len(journal), got, want)
		}
	}
	for size := 0; size <= len(part); size++ {
		want := int64(0)
		switch {
		case size >= 11:
			want = 11
		case size >= 5:
			want = 5
		}
		if got := kept("key", part[:size], journal); got != want {
			t.Errorf("%d bytes left: %d kept, want %d", size, got, want)
		}
	}
	if got := kept("other", part, journal); got != 0 {
		t.Errorf("another key kept %d bytes", got)
	}
	harmed := bytes.Clone(part)
	harmed[2]++
	if got := kept("key", harmed, journal); got != 0 {
		t.Errorf("%d bytes kept of a file that was changed", got)
	}
	garbage := append(bytes.Clone(journal[:head]), bytes.Repeat([]byte{0}, 100)...)
	if got := kept("key", part, garbage); got != 0 {
		t.Errorf("%d bytes kept on the word of zeros", got)
	}
}

func TestCreateAndDiscardForgetTheJournal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	half(t, path, "key", killed)
	p, err := Create(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(journalPath(path)); err == nil {
		t.Error("Create left a journal that is not about its file")
	}
	p.Abort()
	half(t, path, "key", killed)
	if err := Discard(path); err != nil {
		t.Fatal(err)
	}
	half(t, path, "key", killed)
	if err := os.Remove(path + ".part"); err != nil {
		t.Fatal(err)
	}
	if err := Discard(path); err != nil {
		t.Fatal(err)
	}
	if err := Discard(path); err != nil {
		t.Fatal(err)
	}
	half(t, path, "key", (*Pending).Abort)
	h := sha256.New()
	if p, err = Resume(path, 0, "key", h); err != nil {
		t.Fatal(err)
	}
	p.Keep() // nothing to keep
	checkOnly(t, path)
}

func TestMarkedHashIsThatOfTheBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	half(t, path, "key", killed)
	b, err := os.ReadFile(journalPath(path))
	sum := sha256.Sum256([]byte("firstsecond"))
	if err != nil || !strings.Contains(string(b), hex.EncodeToString(sum[:])) {
		t.Errorf("%v: the journal can be checked with sha256sum: %s", err, b)
	}
}

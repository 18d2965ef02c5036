package file

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzJournal: whatever an unfinished file and its journal hold, what is kept of them has the hash that the journal
// names, and the finished file is whole.
func FuzzJournal(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a")
	f.Add([]byte("{\"key\":\"k\"}\n{\"bytes\":3,\"hash\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}\n"), "abcd")
	f.Add([]byte("{\"key\":\"k\"}\n{\"bytes\":-3,\"hash\":\"\"}\n{\"bytes\":9223372036854775807}\n"), "abc")
	f.Add([]byte("{\"key\":\"other\"}\n\n"), "")
	f.Fuzz(func(t *testing.T, journal []byte, part string) {
		for name, data := range map[string]string{path + ".part": part, journalPath(path): string(journal)} {
			if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Resume(path, 0, "k", sha256.New())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Abort()
		if p.Kept() < 0 || p.Kept() > int64(len(part)) {
			t.Fatalf("%d bytes of %d are kept", p.Kept(), len(part))
		}
		if _, err := p.Write([]byte("rest")); err != nil {
			t.Fatal(err)
		}
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
		want := part[:p.Kept()] + "rest"
		if b, err := os.ReadFile(path); err != nil || string(b) != want {
			t.Fatalf("the file holds %q, %v; want %q", b, err, want)
		}
		if _, err := os.Stat(journalPath(path)); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the journal is left: %v", err)
		}
	})
}

package file

import (
	"os"
	"path/filepath"
	"testing"
)

func pending(t *testing.T, dir string, names ...string) (list []*Pending) {
	t.Helper()
	for _, n := range names {
		p, err := Create(filepath.Join(dir, n), 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte(n)); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestCommitAll(t *testing.T) {
	dir := t.TempDir()
	if err := CommitAll(pending(t, dir, "a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"a", "b", "c"} {
		if b, err := os.ReadFile(filepath.Join(dir, n)); err != nil || string(b) != n {
			t.Errorf("%s: %q, %v", n, b, err)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 3 {
		t.Errorf("left behind: %v", list)
	}
}

// A file of somebody else's under the name that replaced files are kept by is left alone.
func TestCommitAllLeavesOldFiles(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"a", "a.old", "b"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("before"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := CommitAll(pending(t, dir, "a", "b")); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[string]string{"a": "a", "b": "b", "a.old": "before"} {
		if b, err := os.ReadFile(filepath.Join(dir, n)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", n, b, err)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 3 {
		t.Errorf("left behind: %v", list)
	}
}

// A folder that takes the name of the first file while the set is written: its rename comes last and fails.
func TestCommitAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	set := pending(t, dir, "a", "b", "c")
	if err := os.MkdirAll(filepath.Join(dir, "a", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := CommitAll(set); err == nil {
		t.Fatal("a file replaced a folder")
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 || list[0].Name() != "a" {
		t.Errorf("left behind: %v, %v", list, err)
	}
	set = pending(t, dir, "b", "c")
	set[1].Abort()
	if err := CommitAll(set); err == nil {
		t.Error("an aborted file was committed")
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}

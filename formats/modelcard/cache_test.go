package modelcard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cached makes a folder of Hugging Face's cache with snapshots; ref is the content of refs/main, "" for none.
func cached(t *testing.T, name, ref string, snapshots ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), name)
	for _, s := range append(snapshots, "../refs") {
		if err := os.MkdirAll(filepath.Join(root, "snapshots", s), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if ref != "" {
		write(t, filepath.Join(root, "refs"), "main", ref)
	}
	return root
}

func TestSnapshot(t *testing.T) {
	for _, c := range []struct {
		ref        string
		snapshots  []string
		want, says string
	}{
		{"abc\n", []string{"abc", "def"}, "abc", ""},
		{"", []string{"def"}, "def", ""},
		{"", []string{"abc", "def"}, "", "holds 2 snapshots and no refs/main that chooses one"},
		{"abc", []string{"def"}, "", `names the snapshot "abc", which is not in`},
		{"../refs", []string{"def"}, "", `names the snapshot "../refs"`},
	} {
		root := cached(t, "models--org--Name-7B", c.ref, c.snapshots...)
		for _, dir := range []string{root, root + "/", filepath.Join(root, "snapshots")} {
			got, err := Snapshot(dir)
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%q %q: %q, %v", c.ref, c.snapshots, got, err)
			}
			if c.says == "" && (err != nil || got != filepath.Join(root, "snapshots", c.want)) {
				t.Errorf("%q %q: %q, %v", c.ref, c.snapshots, got, err)
			}
		}
	}
	plain := t.TempDir()
	other := filepath.Join(cached(t, "other", "abc", "abc"))
	for _, dir := range []string{plain, other, filepath.Join(plain, "none")} {
		if got, err := Snapshot(dir); got != dir || err != nil {
			t.Errorf("%s: %s, %v", dir, got, err)
		}
	}
}

// A folder of the cache goes by the name of its repository.
func TestFolderNameInTheCache(t *testing.T) {
	for path, want := range map[string][2]string{
		"hub/models--org--Base-7B/snapshots/0123abcd":  {"Base-7B", "Org"},
		"hub/models--org--Base-7B/snapshots/0123abcd/": {"Base-7B", "Org"},
		"hub/models--org--Base-7B/snapshots":           {"Base-7B", "Org"},
		"hub/models--org--Base-7B":                     {"Base-7B", "Org"},
		"hub/models--org--Base--7B/snapshots/x":        {"Base--7B", "Org"},
		"hub/models--gpt2/snapshots/x":                 {"gpt2", ""},
		"hub/models--org--Base-7B/snapshots/x/a.gguf":  {"a.gguf", ""},
		"hub/models--org--Base-7B/other/x":             {"x", ""},
		"hub/models--":                                 {"models--", ""},
		"plain/snapshots/x":                            {"x", ""},
	} {
		if got := FolderName(path); got != want[0] {
			t.Errorf("%s is called %s, want %s", path, got, want[0])
		}
		dir := filepath.Join(t.TempDir(), path)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		info, err := Read(dir, "", Size{})
		if err != nil || info.Organization != want[1] || info.Name != title(want[0]) {
			t.Errorf("%s: %v, name %q of %q", path, err, info.Name, info.Organization)
		}
	}
}

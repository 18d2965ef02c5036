package kernel

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/eval/kernel/_asm/generated"
)

const module = "../.."

// TestGeneratedSums stands in for TestGenerate where the generator's modules cannot be had.
func TestGeneratedSums(t *testing.T) {
	recorded, err := os.ReadFile(filepath.Join(module, generated.File))
	if err != nil {
		t.Fatal(err)
	}
	now, err := generated.Sums(module)
	if err != nil {
		t.Fatal(err)
	}
	if now != string(recorded) {
		t.Errorf("generator and generated files do not belong together: "+
			"run go generate ./eval/kernel\nnow:\n%s\nrecorded:\n%s", now, recorded)
	}
}

// TestGenerate compares the generated files of the module with what the generator writes.
func TestGenerate(t *testing.T) {
	tmp := t.TempDir()
	generator := filepath.Join(tmp, "generator.exe")
	const failed = "{{if .Error}}{{.ImportPath}}: {{.Error}}{{end}}"
	missing, err := exec.Command("go", "list", "-e", "-deps", "-f", failed, "./_asm").Output()
	if err != nil || bytes.HasPrefix(missing, []byte("g")) { // github.com, golang.org; not bitmill
		t.Skipf("the generator's modules cannot be had, TestGeneratedSums stands in: %v\n%s", err, missing)
	}
	build := exec.Command("go", "build", "-o", generator, "./_asm")
	build.Env = append(os.Environ(), "GOARCH=", "GOOS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(generator, "-to", tmp).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	written := map[string]bool{}
	err = fs.WalkDir(os.DirFS(tmp), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "generator.exe" {
			return err
		}
		written[path] = true
		compareGenerated(t, path, tmp)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(module, generated.File))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		if _, path, _ := strings.Cut(strings.TrimSpace(line), "  "); strings.Contains(path, "_amd64.") && !written[path] {
			t.Errorf("no target writes %s", path)
		}
	}
}

// compareGenerated compares a file of the module with the one of the same path in folder.
func compareGenerated(t *testing.T, path, folder string) {
	got, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(module, path))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the generator writes: run go generate ./eval/kernel", path)
	}
	if n := bytes.Count(want, []byte("\n")); n > 3000 {
		t.Errorf("%s has %d lines; split its target", path, n)
	}
}

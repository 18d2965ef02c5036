// Package kerneltest holds what the tests of packages with generated assembly share.
package kerneltest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Sums checks that the generators in _asm and the generated files of the package in the current folder are those that
// `go generate` last saw together. pkg is the package's folder in the module.
func Sums(t *testing.T, pkg string) {
	t.Helper()
	recorded, err := os.ReadFile("_asm/generated.sums")
	if err != nil {
		t.Fatal(err)
	}
	var now strings.Builder
	for _, pattern := range []string{"_asm/go.mod", "_asm/go.sum", "_asm/*/*.go", "*_avx*_amd64.go", "*_avx*_amd64.s"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&now, "%x  %s\n", sha256.Sum256(data), filepath.ToSlash(f))
		}
	}
	if now.String() != string(recorded) {
		t.Errorf("generators and generated files do not belong together: run go generate ./%s\nnow:\n%s\nrecorded:\n%s", pkg, now.String(), recorded)
	}
}

// Regenerate runs the generators, which the go:generate lines of a source file name, in a copy of _asm and compares
// their output with the committed files, byte for byte.
func Regenerate(t *testing.T, pkg, sourceFile string) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the generators; TestGeneratedSums stands in")
	}
	tmp := t.TempDir()
	if err := os.CopyFS(filepath.Join(tmp, "_asm"), os.DirFS("_asm")); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(sourceFile)
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^//go:generate go -C _asm (run \./.* -pkg \w+)$`).FindAllSubmatch(source, -1)
	if len(commands) == 0 {
		t.Fatalf("%s has no go:generate lines", sourceFile)
	}
	for _, c := range commands {
		cmd := exec.Command("go", strings.Fields(string(c[1]))...)
		cmd.Dir = filepath.Join(tmp, "_asm")
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOARCH=", "GOOS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			if bytes.Contains(out, []byte("module lookup disabled")) {
				t.Skipf("the generators' modules are not in the module cache (go -C %s/_asm mod download gets them); TestGeneratedSums stands in", pkg)
			}
			t.Fatalf("go %s: %v\n%s", c[1], err, out)
		}
	}
	files, err := filepath.Glob("*_avx*_amd64.*")
	if err != nil || len(files) != 2*len(commands) {
		t.Fatalf("%d generated files for %d generators (%v)", len(files), len(commands), err)
	}
	for _, f := range files {
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(tmp, f))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what its generator writes: run go generate ./%s", f, pkg)
		}
		if n := bytes.Count(want, []byte("\n")); n > 3000 {
			t.Errorf("%s has %d lines; split its generator", f, n)
		}
	}
}

package kernel

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

// TestGeneratedSums: the generators and the generated files are those that `go generate` last saw together.
func TestGeneratedSums(t *testing.T) {
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
		t.Errorf("generators and generated files do not belong together: run go generate ./formats/kernel\nnow:\n%s\nrecorded:\n%s", now.String(), recorded)
	}
}

// TestRegenerate runs the generators in a copy of _asm and compares their output with the committed files, byte for
// byte.
func TestRegenerate(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the generators; TestGeneratedSums stands in")
	}
	tmp := t.TempDir()
	if err := os.CopyFS(filepath.Join(tmp, "_asm"), os.DirFS("_asm")); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("kernel.go")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^//go:generate go -C _asm (run \./.* -pkg kernel)$`).FindAllSubmatch(source, -1)
	if len(commands) == 0 {
		t.Fatal("kernel.go has no go:generate lines")
	}
	for _, c := range commands {
		cmd := exec.Command("go", strings.Fields(string(c[1]))...)
		cmd.Dir = filepath.Join(tmp, "_asm")
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOARCH=", "GOOS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			if bytes.Contains(out, []byte("module lookup disabled")) {
				t.Skip("the generators' modules are not in the module cache (go -C formats/kernel/_asm mod download gets them); TestGeneratedSums stands in")
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
			t.Errorf("%s is not what its generator writes: run go generate ./formats/kernel", f)
		}
		if n := bytes.Count(want, []byte("\n")); n > 3000 {
			t.Errorf("%s has %d lines; split its generator", f, n)
		}
	}
}

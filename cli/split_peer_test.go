package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSplitConformsToLlamaCpp compares whole sets of shards, and their merger, with llama-gguf-split's; each merges the
// other's shards. Without BITMILL_LLAMACPP it does not run; the hashes in formats/gguf/split_test.go hold the same.
func TestSplitConformsToLlamaCpp(t *testing.T) {
	peer := os.Getenv("BITMILL_LLAMACPP")
	if peer == "" {
		t.Skip("did not run: set BITMILL_LLAMACPP to a built llama.cpp tree to compare with its programs")
	}
	program := filepath.Join(peer, "build", "bin", "llama-gguf-split")
	dir := t.TempDir()
	folder, in := filepath.Join(dir, "demo-s"), filepath.Join(dir, "in.gguf")
	if err := writeDemo(folder); err != nil {
		t.Fatal(err)
	}
	call(t, bitmill(t, "quantize", folder, in, "-f", "Q4_K_M"))
	for _, flags := range [][]string{
		nil, {"--split-max-tensors", "7"}, {"--split-max-tensors", "1"}, {"--split-max-size", "1M"},
		{"--split-max-tensors", "10", "--no-tensor-first-split"}, {"--split-max-size", "2M", "--no-tensor-first-split"},
	} {
		sub, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := filepath.Join(sub, "ours"), filepath.Join(sub, "theirs")
		call(t, bitmill(t, append([]string{"split", in, ours}, flags...)...))
		call(t, exec.Command(program, append(flags[:len(flags):len(flags)], in, theirs)...))
		shards, err := filepath.Glob(ours + "-*")
		if err != nil || len(shards) == 0 {
			t.Fatal(shards, err)
		}
		for _, s := range shards {
			equalFiles(t, s, theirs+s[len(ours):])
		}
		first := shards[0][len(ours):]
		call(t, bitmill(t, "merge", theirs+first, ours+".gguf"))
		call(t, exec.Command(program, "--merge", ours+first, theirs+".gguf"))
		equalFiles(t, ours+".gguf", theirs+".gguf")
	}
}

func equalFiles(t *testing.T, ours, theirs string) {
	t.Helper()
	a, errA := os.ReadFile(ours)
	b, errB := os.ReadFile(theirs)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%s differs from %s", ours, theirs)
	}
}

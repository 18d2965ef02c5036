package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/demo"
)

// TestQuantizeFlagsConformToLlamaCpp compares whole artifacts with llama-quantize's under the flags that both have.
// Without BITMILL_LLAMACPP it does not run; quantize/peer_test.go holds hashes of the same kind.
func TestQuantizeFlagsConformToLlamaCpp(t *testing.T) {
	peer := os.Getenv("BITMILL_LLAMACPP")
	if peer == "" {
		t.Skip("did not run: set BITMILL_LLAMACPP to a built llama.cpp tree to compare with its programs")
	}
	program := func(name string, args ...string) *exec.Cmd {
		return exec.Command(filepath.Join(peer, "build", "bin", name), args...)
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := writeDemo(path("demo-s")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("types.txt"), []byte("attn_v=q8_0 ffn_down=q5_k\nblk.0.attn_q=iq4_nl\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	in, imatrix := path("in.gguf"), path("imatrix.gguf")
	call(t, bitmill(t, "convert", path("demo-s"), in))
	call(t, bitmill(t, "calibrate", path("demo-s"), "-o", imatrix, "--text", demoText(t, path("text.txt")), "--chunks",
		"2"))
	call(t, bitmill(t, "split", in, path("parts"), "--split-max-size", "1M"))
	parts, err := filepath.Glob(path("parts-00001-*"))
	if err != nil || len(parts) != 1 {
		t.Fatal(parts, err)
	}
	for _, tt := range []struct{ in, format, flags string }{
		{in, "Q4_K_M", "--override-kv llama.context_length=int:777 --override-kv my.text=str:hello --override-kv " +
			"my.float=float:0.1 --override-kv my.bool=bool:true"},
		{in, "Q3_K_M", "--imatrix " + imatrix + " --include-weights ffn_down --include-weights attn_q"},
		{in, "Q4_0", "--imatrix " + imatrix + " --exclude-weights ffn_ --override-kv general.name=str:other"},
		{in, "Q2_K", "--tensor-type-file " + path("types.txt")},
		{in, "COPY", ""},
		{in, "Q4_K_M", "--keep-split"},
		{parts[0], "Q5_K_M", "--keep-split --imatrix " + imatrix},
		{parts[0], "COPY", "--keep-split"},
		{parts[0], "Q3_K_S", ""},
	} {
		sub, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := filepath.Join(sub, "ours"), filepath.Join(sub, "theirs")
		flags := strings.Fields(tt.flags)
		call(t, program("llama-quantize", append(flags[:len(flags):len(flags)], tt.in, theirs+".gguf", tt.format)...))
		call(t, bitmill(t, append([]string{"quantize", tt.in, ours + ".gguf", "-f", tt.format, "--no-provenance"},
			flags...)...))
		files, err := filepath.Glob(theirs + "*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			equalFiles(t, ours+f[len(theirs):], f)
		}
	}
}

// demoText writes the demo's calibration text.
func demoText(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(demo.Calibration), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

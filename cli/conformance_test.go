package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"bitmill/formats/demo"
	"bitmill/quantize"
)

// TestConformsToLlamaCpp holds bitmill against llama.cpp's own programs: every headline format's file equals
// llama-quantize's, and llama-perplexity reads it and agrees with our perplexity within 0.5 %.
//
// BITMILL_LLAMACPP names a llama.cpp tree with its programs in build/bin. Without it this test does not run; what it
// would show is then held by the hashes and figures of the same programs in testdata (quantize/testdata/golden,
// testdata/golden_eval.json).
func TestConformsToLlamaCpp(t *testing.T) {
	peer := os.Getenv("BITMILL_LLAMACPP")
	if peer == "" {
		t.Skip("did not run: set BITMILL_LLAMACPP to a built llama.cpp tree to compare with its programs")
	}
	for _, m := range demo.Models() {
		t.Run(m.Name, func(t *testing.T) { conform(t, filepath.Join(peer, "build", "bin"), m.Name) })
	}
}

const conformanceChunks = 8

func conform(t *testing.T, bin, model string) {
	dir := t.TempDir()
	folder := filepath.Join(dir, model)
	if err := writeDemo(folder); err != nil {
		t.Fatal(err)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	text, source, imatrix := path("text.txt"), path("source.gguf"), path("imatrix.gguf")
	if err := os.WriteFile(text, []byte(demo.Evaluation), 0o644); err != nil {
		t.Fatal(err)
	}
	call(t, bitmill(t, "convert", folder, source))
	call(t, bitmill(t, "calibrate", folder, "-t", text, "-o", imatrix, "--chunks", "4"))
	for _, format := range quantize.Headline() {
		ours, theirs := filepath.Join(dir, format+".gguf"), filepath.Join(dir, format+".peer.gguf")
		call(t, bitmill(t, "quantize", folder, ours, "-f", format, "--imatrix", imatrix, "--no-provenance"))
		call(t, exec.Command(filepath.Join(bin, "llama-quantize"), "--imatrix", imatrix, source, theirs, format, "2"))
		a, errA := os.ReadFile(ours)
		b, errB := os.ReadFile(theirs)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: the file differs from llama-quantize's", format)
		}
		theirPPL := peerPerplexity(t, bin, ours, text)
		ourPPL := ourPerplexity(t, ours, text)
		t.Logf("%s: PPL %.4f, llama-perplexity %.4f (%+.3f %%)", format, ourPPL, theirPPL, 100*(ourPPL/theirPPL-1))
		if !(math.Abs(ourPPL/theirPPL-1) < 0.005) {
			t.Errorf("%s: PPL %.4f, llama-perplexity says %.4f", format, ourPPL, theirPPL)
		}
	}
}

func call(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.Bytes())
	}
	return append(out, stderr.Bytes()...)
}

var finalEstimate = regexp.MustCompile(`Final estimate: PPL = ([0-9.]+)`)

// peerPerplexity asks several times: the peer's logger often loses its last lines at exit, the more the busier the
// machine.
func peerPerplexity(t *testing.T, bin, model, text string, flags ...string) float64 {
	t.Helper()
	const calls = 12
	for range calls {
		args := append([]string{"-m", model, "-f", text, "-t", "2", "--chunks", strconv.Itoa(conformanceChunks)}, flags...)
		out := call(t, exec.Command(filepath.Join(bin, "llama-perplexity"), args...))
		m := finalEstimate.FindSubmatch(out)
		if m == nil {
			continue
		}
		ppl, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return ppl
	}
	t.Fatalf("llama-perplexity printed no estimate in %d calls", calls)
	return 0
}

func ourPerplexity(t *testing.T, model, text string) float64 {
	t.Helper()
	cmd := bitmill(t, "eval", model, "-t", text, "--chunks", strconv.Itoa(conformanceChunks), "--json", "--quiet")
	var out struct{ Models []struct{ PPL float64 } }
	if err := json.Unmarshal(call(t, cmd), &out); err != nil {
		t.Fatal(err)
	}
	return out.Models[0].PPL
}

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bitmill/formats/checkpoint/checkpointtest"
)

// TestSourceCutShort cuts the weights off while a command is reading them. Each ends at once with one sentence that
// names the file, and leaves no result.
func TestSourceCutShort(t *testing.T) {
	dir := t.TempDir()
	demo, model := filepath.Join(dir, "demo-s"), filepath.Join(dir, "model")
	if err := writeDemo(demo); err != nil {
		t.Fatal(err)
	}
	size := checkpointtest.Sparse(t, model, checkpointtest.Shape{Width: 4096, FFN: 14336, Layers: 12, Heads: 32, KV: 8,
		Vocab: 4096})
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		data, err := os.ReadFile(filepath.Join(demo, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(model, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	weights := filepath.Join(model, "model.safetensors")
	whole, err := os.Stat(weights)
	if err != nil || whole.Size() < size {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("The quick brown fox. "), 2000), 0o644); err != nil {
		t.Fatal(err)
	}
	reading := 0
	for _, args := range [][]string{
		{"convert", model, "out.gguf"},
		{"quantize", model, "out.gguf", "-f", "Q8_0"},
		{"quantize", model, "out.gguf", "-f", "BF16"},
		{"calibrate", model, "-t", text, "-o", "out.gguf", "--ctx", "64"},
		{"run", model, "-o", "out", "-f", "Q8_0", "--ctx", "64"},
		{"eval", model, "-t", text, "--ctx", "64"},
		{"generate", model, "-p", "The"},
		{"logits", model, "--tokens", "1,2,3"},
		{"inspect", model, "--hash"},
		{"verify", model},
		{"diff", model, model},
	} {
		if err := os.Truncate(weights, whole.Size()); err != nil {
			t.Fatal(err)
		}
		stderr, err := cutShort(t, weights, dir, args)
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		last := lines[len(lines)-1]
		switch {
		case err == nil || err.Error() != "exit status 1" || !strings.Contains(last, weights):
			t.Errorf("bitmill %s: %v\n%.2000s", strings.Join(args, " "), err, stderr)
		case strings.Contains(last, "changed while it was being read"):
			reading++
		case !strings.Contains(last, "the file is cut short"): // before it was opened a second time
			t.Errorf("bitmill %s: %s", strings.Join(args, " "), last)
		}
		left, err := filepath.Glob(filepath.Join(dir, "out.*"))
		if err != nil {
			t.Fatal(err)
		}
		more, err := filepath.Glob(filepath.Join(dir, "out", "*", "*.gguf*"))
		if err != nil || len(left)+len(more) > 0 {
			t.Errorf("bitmill %s left %q %q", strings.Join(args, " "), left, more)
		}
	}
	// Of a batch, the job that reads the source fails, or the check of all jobs before the first one.
	manifest := filepath.Join(dir, "jobs.yaml")
	text = fmt.Sprintf("jobs:\n  - name: one\n    models: %s\n    formats: Q8_0\n    ctx: 64\n", model)
	if err := os.WriteFile(manifest, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(weights, whole.Size()); err != nil {
		t.Fatal(err)
	}
	stderr, err := cutShort(t, weights, dir, []string{"batch", manifest, "-o", "jobs"})
	if err == nil || err.Error() != "exit status 3" && err.Error() != "exit status 1" ||
		!strings.Contains(stderr, weights) || strings.Contains(stderr, "goroutine") {
		t.Errorf("batch: %v\n%.2000s", err, stderr)
	}
	if reading < 6 {
		t.Errorf("only %d commands were reading when the weights were cut", reading)
	}
}

// cutShort runs bitmill in dir and cuts off what lies behind the first megabyte of weights as soon as they are mapped.
// It returns what was printed to standard error, and how the process ended.
func cutShort(t *testing.T, weights, dir string, args []string) (string, error) {
	t.Helper()
	cmd := bitmill(t, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	maps := fmt.Sprintf("/proc/%d/maps", cmd.Process.Pid)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for cut := false; ; {
		select {
		case err := <-ended:
			if !cut {
				t.Errorf("bitmill %s ended before the weights were cut", strings.Join(args, " "))
			}
			return stderr.String(), err
		case <-time.After(time.Millisecond):
		}
		if list, _ := os.ReadFile(maps); !cut && bytes.Contains(list, []byte(weights)) {
			if err := os.Truncate(weights, 1<<20); err != nil {
				t.Fatal(err)
			}
			cut = true
		}
	}
}

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/cli/steps"
	"bitmill/formats/file"
)

// twice are the commands that write, each into the folder d, with the demo model m and a file q of it.
func twice(d, m, q string) map[string][]string {
	in := func(name string) string { return filepath.Join(d, name) }
	return map[string][]string{
		"run":       {"run", m, "-o", in("run"), "-f", "Q8_0", "--chunks", "1"},
		"demo":      {"run", "-o", in("demo"), "-f", "Q8_0", "--chunks", "1"},
		"batch":     {"batch", in("jobs.yaml"), "-o", in("batch")},
		"quantize":  {"quantize", m, in("quantized.gguf"), "-f", "Q4_0"},
		"convert":   {"convert", m, in("converted.gguf")},
		"vocab":     {"convert", m, in("vocab.gguf"), "--vocab-only"},
		"calibrate": {"calibrate", m, "-t", in("text.txt"), "-o", in("imatrix.gguf"), "--chunks", "2"},
		"split":     {"split", q, in("shard"), "--split-max-size", "1M"},
		"manifest":  {"verify", q, "--write-manifest", in("sums")},
	}
}

func twiceInputs(t *testing.T) (dir, model, gguf string) {
	t.Helper()
	dir = t.TempDir()
	model, gguf = filepath.Join(dir, "demo-s"), filepath.Join(dir, "q.gguf")
	text := strings.Repeat("The miller grinds the corn, and the mill goes round. ", 400)
	manifest := "jobs: [{name: a, models: demo-s, formats: Q8_0, chunks: 1}]"
	if err := writeDemo(model); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"text.txt": text, "jobs.yaml": manifest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := bitmill(t, "quantize", model, gguf, "-f", "Q8_0").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir, model, gguf
}

// TestSecondOfTwo holds the lock that a first command holds while it works: the second says so and exits with 1.
func TestSecondOfTwo(t *testing.T) {
	dir, model, gguf := twiceInputs(t)
	locks := map[string]string{"quantize": "quantized.gguf", "convert": "converted.gguf", "vocab": "vocab.gguf",
		"calibrate": "imatrix.gguf", "split": "shard-00001-of-00005.gguf", "manifest": "sums"}
	for name, args := range twice(dir, model, gguf) {
		want := "another process is writing it"
		if target, ok := locks[name]; ok {
			p, err := file.Create(filepath.Join(dir, target), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Abort()
		} else {
			release, err := steps.Store{Dir: filepath.Join(dir, name)}.Lock()
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			want = "another bitmill run is working there"
		}
		var stdout, stderr bytes.Buffer
		code := Main(append([]string{"bitmill"}, args...), &stdout, &stderr)
		if code != exitFailed || !strings.Contains(stderr.String(), want) || strings.Contains(stderr.String(), "done in") {
			t.Errorf("%s: exit code %d, want 1 and %q:\n%s", name, code, want, stderr.String())
		}
	}
}

// TestTwiceAtOnce starts every command that writes twice at the same time: each ends well or says that the other is
// at work, at least one ends well, and the files are those of a command alone.
func TestTwiceAtOnce(t *testing.T) {
	dir, model, gguf := twiceInputs(t)
	for name, args := range twice(dir, model, gguf) {
		results := make(chan error, 2)
		for range 2 {
			cmd := bitmill(t, append(args, "--quiet")...)
			go func() {
				out, err := cmd.CombinedOutput()
				switch {
				case err == nil:
				case cmd.ProcessState.ExitCode() == exitFailed && strings.Contains(string(out), "another ") &&
					!strings.Contains(string(out), "goroutine"):
					err = file.ErrBusy
				default:
					err = fmt.Errorf("%w\n%s", err, out)
				}
				results <- err
			}()
		}
		well := 0
		for range 2 {
			switch err := <-results; err {
			case nil:
				well++
			case file.ErrBusy:
			default:
				t.Errorf("%s: %v", name, err)
			}
		}
		if well == 0 {
			t.Errorf("%s: none of the two ended well", name)
		}
	}
	for _, name := range []string{"quantized.gguf", "converted.gguf", "vocab.gguf", "imatrix.gguf"} {
		first, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range twice(dir, model, gguf) {
			if args[0] != "run" && strings.Contains(strings.Join(args, " "), filepath.Join(dir, name)) {
				if out, err := bitmill(t, append(args, "--quiet")...).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
		}
		if second, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: two at once wrote other bytes than one alone (%v)", name, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

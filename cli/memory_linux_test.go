package cli

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bitmill/formats/checkpoint/checkpointtest"
)

var hugeFolder = flag.String("huge", "",
	"`folder` with 50 GB free: take a sparse model of 16 GB through bitmill run there, in bounded memory")

// beyond is what a process may take besides its budget, --max-memory.
const beyond = 256 << 20

// limited runs the command line in a process whose memory, but for what it maps of files, the system limits, and
// returns the most that was resident, mapped pages included.
func limited(t *testing.T, limit int64, args ...string) int64 {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "bitmill") // the name tells the test binary what to do
	if err := os.Symlink(exe, name); err != nil {
		t.Fatal(err)
	}
	// A small stack per thread, because the limit counts all of it.
	script := fmt.Sprintf("ulimit -s 256 && ulimit -d %d && exec %s \"$@\"", limit>>10, name)
	cmd := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...)
	// The peak of its own memory: rusage has that of the process that started it too.
	status := filepath.Join(t.TempDir(), "status")
	cmd.Env = append(os.Environ(), statusFile+"="+status)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("bitmill %s: %v\n%.2000s", strings.Join(args, " "), err, out)
	}
	data, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(data), "VmHWM:")
	peak := int64(0)
	if _, err := fmt.Sscanf(line, "%d kB", &peak); err != nil || peak == 0 {
		t.Fatalf("no peak of memory in %s: %v", data, err)
	}
	peak <<= 10
	t.Logf("ulimit -d %d; bitmill %s: peak %d MiB resident, %v", limit>>10, strings.Join(args, " "), peak>>20,
		time.Since(start).Round(time.Second/10))
	return peak
}

// A model larger than the memory that the process gets.
func TestMemoryIsLimited(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model")
	size := checkpointtest.Sparse(t, model, checkpointtest.Shape{Width: 1024, FFN: 4096, Layers: 4, Heads: 16, KV: 4,
		Vocab: 64000})
	const budget, more = 16 << 20, 112 << 20 // less than beyond, so that a small model shows it
	if size < 2*(budget+more) {
		t.Fatalf("the model has only %d bytes", size)
	}
	for _, args := range [][]string{
		{"run", model, "-o", filepath.Join(dir, "out"), "-f", "Q8_0,Q4_0"},
		{"quantize", model, filepath.Join(dir, "a.gguf"), "-f", "BF16"},
		{"quantize", model, filepath.Join(dir, "a.gguf"), "-f", "Q8_0", "--no-provenance"},
	} {
		if peak := limited(t, budget+more, append(args, "--max-memory", "16MiB", "--quiet", "--no-vocab")...); peak > budget+more {
			t.Errorf("bitmill %s: %d MiB resident for %d MiB of weights and a budget of %d MiB", args[0], peak>>20,
				size>>20, budget>>20)
		}
	}
}

// TestMemoryOfSixteenGigabytes takes a model of 16 GB through bitmill run: the seven headline formats from one read,
// with the default budget; about 35 GB of output.
func TestMemoryOfSixteenGigabytes(t *testing.T) {
	if *hugeFolder == "" {
		t.Skip("did not run: it needs -huge FOLDER with 50 GB free, and some minutes; TestMemoryIsLimited " +
			"is the same in small")
	}
	dir, err := os.MkdirTemp(*hugeFolder, "huge-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	model := filepath.Join(dir, "model")
	if size := checkpointtest.Sparse(t, model, checkpointtest.Sixteen); size < 16e9 {
		t.Fatalf("only %d bytes", size)
	}
	const budget = 512 << 20
	if peak := limited(t, budget+beyond, "run", model, "-o", filepath.Join(dir, "out")); peak > budget+beyond {
		t.Errorf("%d MiB resident with a budget of %d MiB", peak>>20, budget>>20)
	}
}

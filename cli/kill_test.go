package cli

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// bitmill prepares the command line as a process of its own: the test binary under the name bitmill (see TestMain).
func bitmill(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: exe, Args: append([]string{"bitmill"}, args...), Env: os.Environ()}
}

// A run that is killed at random moments, and started again until it gets through, makes the same files as one left
// alone, by every method.
func TestKilledRunEndsWithTheSameBytes(t *testing.T) { killRuns(t, 5, "reference") }

// The killed runs have memory for one window at a time, and a file for the rest.
func TestKilledFeedbackEndsWithTheSameBytes(t *testing.T) {
	killRuns(t, 5, "feedback", "--max-memory", "145MiB")
}

// killRuns kills runs with more arguments than those of the one that is left alone.
func killRuns(t *testing.T, windows int, method string, more ...string) {
	dir := t.TempDir()
	if err := writeDemo(filepath.Join(dir, "demo-s")); err != nil {
		t.Fatal(err)
	}
	args := func(out string) []string {
		return []string{"run", filepath.Join(dir, "demo-s"), "-o", filepath.Join(dir, out), "--formats",
			"Q8_0,Q4_K_M,Q2_K", "--chunks", strconv.Itoa(windows), "--quiet", "--method", method}
	}
	start := time.Now()
	if out, err := bitmill(t, args("whole")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := time.Since(start)
	rng := rand.New(rand.NewPCG(7, 7))
	kills, done := 0, false
	for try := 0; try < 20 && !done; try++ {
		cmd := bitmill(t, append(args("killed"), more...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if try < 6 {
			time.AfterFunc(time.Duration((0.1+0.6*rng.Float64())*float64(whole)), func() { cmd.Process.Kill() })
		}
		switch err := cmd.Wait(); {
		case err == nil:
			done = true
		case strings.Contains(err.Error(), "killed"):
			kills++
			checkNothingHalfWritten(t, filepath.Join(dir, "killed", "demo-s"), filepath.Join(dir, "whole", "demo-s"))
		default:
			t.Fatalf("%v\n%s", err, stderr.Bytes())
		}
	}
	if !done {
		t.Fatal("the run never got through")
	}
	if kills == 0 {
		t.Fatal("no run was killed: the test shows nothing")
	}
	t.Logf("killed %d times; an undisturbed run takes %v", kills, whole)
	for _, name := range []string{"demo-s/imatrix.gguf", "demo-s/demo-s-Q8_0.gguf", "demo-s/demo-s-Q4_K_M.gguf",
		"demo-s/demo-s-Q2_K.gguf", "report.json", "report.csv"} { // page and Markdown also tell the time
		sameBytes(t, filepath.Join(dir, "whole", name), filepath.Join(dir, "killed", name))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "killed", "demo-s", "*.activations")); left != nil {
		t.Errorf("%s is still there", left)
	}
}

// checkNothingHalfWritten wants every file that has its final name to be complete.
func checkNothingHalfWritten(t *testing.T, killed, whole string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(killed, "*.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		sameBytes(t, filepath.Join(whole, filepath.Base(path)), path)
	}
}

func sameBytes(t *testing.T, want, got string) {
	t.Helper()
	a, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%s differs from the undisturbed run's", filepath.Base(got))
	}
}

package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterruptedBatch: the outcomes are printed and kept, and the same command continues.
func TestInterruptedBatch(t *testing.T) {
	dir := t.TempDir()
	if err := writeDemo(filepath.Join(dir, "demo-s")); err != nil {
		t.Fatal(err)
	}
	manifest, out := filepath.Join(dir, "jobs.yaml"), filepath.Join(dir, "out")
	text := "defaults: {models: demo-s, formats: Q8_0}\njobs: [{name: a, chunks: 1}, {name: b}, {name: c, chunks: 1}]"
	if err := os.WriteFile(manifest, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := bitmill(t, "batch", manifest, "-o", out)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if strings.HasSuffix(lines.Text(), "job 2 of 3: b") {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Skip(err)
			}
		}
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d\n%s", code, strings.Join(said, "\n"))
	}
	want := []string{"done", "interrupted", "not started"}
	for i, row := range strings.Split(strings.TrimSpace(stdout.String()), "\n") {
		if i >= len(want) || !strings.Contains(row, want[i]) {
			t.Errorf("row %d: %q, want %q", i, row, want)
		}
	}
	data, err := os.ReadFile(filepath.Join(out, batchName))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct{ Jobs []job }
	if err := json.Unmarshal(data, &kept); err != nil || len(kept.Jobs) != len(want) {
		t.Fatalf("%v\n%s", err, data)
	}
	for i, j := range kept.Jobs {
		if j.Status != want[i] || (j.Finished == "") != (i == 2) || (j.Log == "") != (i == 2) {
			t.Errorf("job %d: %+v, want %s", i, j, want[i])
		}
	}
}

package quantize

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
)

// atOnce is the shortest time between two marks.
const atOnce = time.Nanosecond

// keyed makes artifacts that can be taken up again.
func keyed(t testing.TB, c *checkpoint.Checkpoint, dir string, names ...string) (artifacts []Artifact) {
	t.Helper()
	for _, name := range names {
		p, err := NewPlan(c, nil, Options{Format: name})
		if err != nil {
			t.Fatal(err)
		}
		artifacts = append(artifacts, Artifact{Plan: p, Path: filepath.Join(dir, name+".gguf"), ResumeKey: "source and version"})
	}
	return artifacts
}

// interrupt cancels writing when a share of the source is done.
func interrupt(t *testing.T, c *checkpoint.Checkpoint, artifacts []Artifact, share float64) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := Write(ctx, c, nil, artifacts, WriteOptions{Threads: 2, JournalEvery: atOnce, Progress: func(done, total int64) {
		if float64(done) >= share*float64(total) {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestInterruptedWritingGoesOn(t *testing.T) {
	c := openCase(t, "llama")
	names := []string{"Q4_K_M", "Q8_0", "F16"}
	want := writeAll(t, c, t.TempDir(), 1, names...)
	dir := t.TempDir()
	artifacts := keyed(t, c, dir, names...)
	tensors := len(artifacts[0].Plan.Tensors)
	interrupt(t, c, artifacts, 0.3)
	interrupt(t, c, artifacts[:1], 0.7) // the artifacts are at different tensors now
	for _, j := range artifacts {
		if _, err := os.Stat(j.Path); err == nil {
			t.Errorf("%s has its name before it is complete", j.Path)
		}
		if _, err := os.Stat(j.Path + ".part.journal"); err != nil {
			t.Error(err)
		}
	}
	first := int64(-1)
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{Progress: func(done, total int64) {
		if first < 0 {
			first = done
		}
		if done > total {
			t.Errorf("progress %d of %d", done, total)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range written {
		got = append(got, w.SHA256)
	}
	if !equal(got, want) {
		t.Errorf("taken up: %v, in one go: %v", got, want)
	}
	if k := written; k[0].Resumed <= k[1].Resumed || k[1].Resumed == 0 || k[2].Resumed != k[1].Resumed || k[0].Resumed > tensors {
		t.Errorf("kept %d, %d and %d of %d tensors", k[0].Resumed, k[1].Resumed, k[2].Resumed, tensors)
	}
	if first < c.Tensors[0].Elements() {
		t.Errorf("progress started at %d bytes, as if nothing had been kept", first)
	}
	if list, _ := os.ReadDir(dir); len(list) != len(artifacts) {
		t.Errorf("left behind: %v", list)
	}
}

// What was begun with other inputs, another plan, or by writing that is not to go on, is never continued.
func TestOtherInputsStartAfresh(t *testing.T) {
	c := openCase(t, "llama")
	for name, change := range map[string]func(*Artifact){
		"key":    func(j *Artifact) { j.ResumeKey = "another source" },
		"no key": func(j *Artifact) { j.ResumeKey = "" },
		"type": func(j *Artifact) {
			j.Plan = mustPlan(t, c, Options{Format: "Q4_K_M", TensorTypes: []string{"attn_v=q8_0"}})
		},
		"metadata": func(j *Artifact) {
			j.Plan = mustPlan(t, c, Options{Format: "Q4_K_M", OutputType: "q6_k", LeaveOutput: true})
		},
	} {
		dir := t.TempDir()
		artifacts := keyed(t, c, dir, "Q4_K_M")
		interrupt(t, c, artifacts, 0.5)
		change(&artifacts[0])
		written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		alone, err := Write(context.Background(), c, nil, []Artifact{{Plan: artifacts[0].Plan, Path: filepath.Join(t.TempDir(), "a")}}, WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if written[0].SHA256 != alone[0].SHA256 || name != "metadata" && written[0].Resumed != 0 {
			t.Errorf("another %s: kept %d tensors", name, written[0].Resumed)
		}
		if list, _ := os.ReadDir(dir); len(list) != 1 {
			t.Errorf("another %s: left behind: %v", name, list)
		}
	}
}

// An error of the source leaves nothing that would be taken up.
func TestErrorsLeaveNothing(t *testing.T) {
	c, dir := damaged(t, "model.layers.1.mlp.down_proj.weight", 512*7+3, 0x7fc0), t.TempDir()
	if _, err := Write(context.Background(), c, nil, keyed(t, c, dir, "Q8_0"), WriteOptions{JournalEvery: atOnce}); err == nil {
		t.Fatal("NaN was accepted")
	}
	checkEmpty(t, dir)
}

// childFolder names, in the environment of the test binary, the folder that a child works in (see TestMain).
const childFolder = "QUANTIZE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		if err := child(dir, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(memoryChild); dir != "" {
		if err := memoryMain(dir, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child writes the formats from the model in dir into an empty or half-done folder and prints how far it is, in
// thousandths, then what it kept.
func child(dir string, args []string) error {
	c, err := checkpoint.Open(filepath.Join(dir, "model"))
	if err != nil {
		return err
	}
	var artifacts []Artifact
	for _, name := range args[1:] {
		p, err := NewPlan(c, nil, Options{Format: name})
		if err != nil {
			return err
		}
		artifacts = append(artifacts, Artifact{Plan: p, Path: filepath.Join(dir, args[0], name), ResumeKey: "child"})
	}
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{Threads: 2, JournalEvery: atOnce, Progress: func(done, total int64) { fmt.Println(1000 * done / total) }})
	kept := 0
	for _, w := range written {
		kept += w.Resumed
	}
	fmt.Println("kept", kept)
	return err
}

// TestKilledTwentyTimes kills a writing process at twenty random points and wants the same bytes in the end.
func TestKilledTwentyTimes(t *testing.T) {
	dir := t.TempDir()
	writeDemo(t, filepath.Join(dir, "model"), "demo-l")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"Q8_0", "Q4_K_M", "Q2_K"}
	// start runs a child and kills it, when told to, some moments after it reached a point; it returns the last line.
	start := func(out string, kill int, wait time.Duration) (last string, killed bool) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, out), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(exe, append([]string{out}, names...)...)
		cmd.Env = append(os.Environ(), childFolder+"="+dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			last = lines.Text()
			var at int
			if n, _ := fmt.Sscan(last, &at); n == 1 && at >= kill {
				time.Sleep(wait)
				cmd.Process.Kill()
			}
		}
		if err := cmd.Wait(); err != nil {
			if !strings.Contains(err.Error(), "killed") {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			return last, true
		}
		return last, false
	}
	const never = 1 << 30
	start("whole", never, 0)
	rng := rand.New(rand.NewPCG(5, 5))
	kills, rounds, kept := 0, 0, 0
	for ; kills < 20 && rounds < 40; rounds++ {
		out := fmt.Sprint("killed", rounds)
		for point, done := 0, false; !done; {
			point += 1 + rng.IntN(450)
			last, killed := start(out, point, time.Duration(rng.IntN(3000))*time.Microsecond)
			if killed {
				kills++
				continue
			}
			var n int
			if _, err := fmt.Sscanf(last, "kept %d", &n); err != nil {
				t.Fatalf("the child ended with %q", last)
			}
			kept, done = kept+n, true
		}
		for _, name := range names {
			sameFile(t, filepath.Join(dir, "whole", name), filepath.Join(dir, out, name))
		}
		if list, _ := os.ReadDir(filepath.Join(dir, out)); len(list) != len(names) {
			t.Errorf("left behind: %v", list)
		}
	}
	if kills < 20 || kept == 0 {
		t.Errorf("%d kills, and %d tensors were kept", kills, kept)
	}
	t.Logf("killed %d times in %d rounds; the last process of each round kept %d tensors in all", kills, rounds, kept)
}

func writeDemo(t *testing.T, dir, name string) {
	t.Helper()
	for _, m := range demo.Models() {
		if m.Name != name {
			continue
		}
		files, err := m.Files()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	t.Skip("built without the demo models")
}

func sameFile(t *testing.T, want, got string) {
	t.Helper()
	a, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Errorf("%s differs from what is written in one go", got)
	}
}

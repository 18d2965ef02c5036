package cli

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/demo"
	"bitmill/formats/file/filetest"
)

// faults is the number of faults that TestFaults injects in all; 1000 take the better part of an hour.
var faults = flag.Int("faults", 36, "faults that TestFaults injects")

// moment is a kill -9 at some time, as it may come between two operations.
const moment = "moment"

var blows = append(slices.Clone(filetest.Blows), moment)

// victim is a command that writes into its folder "out".
type victim struct {
	name string
	args []string
	over bool // an earlier, other result is there

	most int           // operations on the disk in an undisturbed run
	took time.Duration // by that
	want state         // that it leaves
}

// state is the files of a folder by their names; records, logs and times are not part of it.
type state map[string]string

// TestFaults strikes every command that writes at every kind of moment: kill -9, no space, a broken disk, short and
// torn writes, renames that fail. Whatever happens, a file that has its final name is whole, the one of an undisturbed
// run or the earlier one; and the same command, run again, leaves the same files as an undisturbed run.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("processes are started; TestFinalNameIsNeverPartial and its neighbours strike the writers alone")
	}
	inputs := faultInputs(t)
	victims := faultVictims(inputs)
	for i := range victims {
		victims[i].undisturbed(t)
	}
	rng := rand.New(rand.NewPCG(1, uint64(*faults)))
	struck, ended := map[string]int{}, 0
	start := time.Now()
	for n := range *faults {
		v := &victims[n%len(victims)]
		blow := blows[(n+n/len(victims))%len(blows)]
		if !v.strike(t, blow, rng) {
			ended++
		}
		struck[blow]++
		if t.Failed() && n > 20 {
			break
		}
	}
	t.Logf("%v: %v; in %d the command did its work all the same; operations of a command: %s", time.Since(start).Round(time.Second),
		struck, ended, describe(victims))
}

func describe(list []victim) string {
	var s []string
	for _, v := range list {
		s = append(s, fmt.Sprintf("%s %d", v.name, v.most))
	}
	return strings.Join(s, ", ")
}

// faultInputs is a folder with what the commands read.
func faultInputs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "llama"), os.DirFS(checkpointtest.Load(t, "llama").FolderWithTokenizer(t))); err != nil {
		t.Fatal(err)
	}
	job := "{name: %s, models: llama, formats: %s, windows: 1, ctx: 64, calibration: text, text: text, method: reference, locate: none}"
	for name, data := range map[string]string{"text": demo.Evaluation[:2000],
		"jobs.yaml": "jobs:\n  - " + fmt.Sprintf(job, "a", "Q8_0") + "\n  - " + fmt.Sprintf(job, "b", "Q4_0") + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"quantize", "llama", "whole.gguf", "-f", "Q8_0", "--quiet"},
		{"split", "whole.gguf", "shard", "--split-max-tensors", "8"}} {
		cmd := bitmill(t, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return dir
}

func faultVictims(dir string) []victim {
	in := func(name string) string { return filepath.Join(dir, name) }
	first, _ := filepath.Glob(in("shard-00001-*"))
	run := []string{"run", in("llama"), "-o", "out", "--windows", "1", "--ctx", "64", "--calibration", in("text"), "--text",
		in("text"), "--locate", "none"}
	return []victim{
		{name: "run", args: append(run, "--method", "reference", "-f", "Q8_0,Q4_K_M")},
		{name: "feedback", args: append(run, "--method", "feedback", "--fit-tokens", "64", "-f", "Q4_0")},
		{name: "batch", args: []string{"batch", in("jobs.yaml"), "-o", "out"}},
		{name: "split", args: []string{"split", in("whole.gguf"), "out/shard", "--split-max-tensors", "8"}},
		{name: "split again", args: []string{"split", in("whole.gguf"), "out/shard", "--split-max-tensors", "8"}, over: true},
		{name: "merge", args: []string{"merge", first[0], "out/merged.gguf"}},
		{name: "quantize", args: []string{"quantize", in("llama"), "out/q.gguf", "-f", "Q4_K_M"}},
		{name: "quantize again", args: []string{"quantize", in("llama"), "out/q.gguf", "-f", "Q4_K_M"}, over: true},
		{name: "shards", args: []string{"quantize", in("llama"), "out/q.gguf", "-f", "Q8_0", "--split-max-size", "400K"}},
		{name: "convert", args: []string{"convert", in("llama"), "out/c.gguf"}},
		{name: "calibrate", args: []string{"calibrate", in("llama"), "-t", in("text"), "-o", "out/i.gguf", "--ctx", "64", "--chunks", "4"}},
		{name: "manifest", args: []string{"verify", in("whole.gguf"), "--write-manifest", "out/sums"}},
	}
}

// command is the command in a folder.
func (v *victim) command(t *testing.T, dir, strike string) *exec.Cmd {
	cmd := bitmill(t, append(slices.Clone(v.args), "--quiet")...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, filetest.StrikeEnv+"="+strike, "GOMAXPROCS=1")
	return cmd
}

// folder is a new folder to run the command in.
func (v *victim) folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "out"), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// before puts the earlier results there: whole files with other contents.
func (v *victim) before(t *testing.T, dir string) state {
	t.Helper()
	old := state{}
	if !v.over {
		return old
	}
	for name := range v.want {
		old[name] = "GGUF, an earlier one of " + name
		if err := os.WriteFile(filepath.Join(dir, "out", name), []byte(old[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return old
}

// undisturbed runs the command alone, and counts its operations.
func (v *victim) undisturbed(t *testing.T) {
	t.Helper()
	dir := v.folder(t)
	count := filepath.Join(dir, "count")
	start := time.Now()
	if out, err := v.command(t, dir, "count "+count).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", v.name, err, out)
	}
	v.took = time.Since(start)
	v.want = stateOf(t, filepath.Join(dir, "out"))
	n, err := os.ReadFile(count)
	if err != nil || len(n) == 0 || len(v.want) == 0 {
		t.Fatalf("%s: %d operations, %d files, %v", v.name, len(n), len(v.want), err)
	}
	v.most = len(n)
	os.RemoveAll(dir)
}

// working matches the names of files that are not results.
var working = regexp.MustCompile(`\.(part(\.journal|\.old)?|feedback(\.journal)?|reference)$`)

// struck runs the command with a fault.
func (v *victim) struck(t *testing.T, dir, blow string, at int) ([]byte, error) {
	if blow != moment {
		return v.command(t, dir, fmt.Sprint(blow, " ", at)).CombinedOutput()
	}
	cmd := v.command(t, dir, "")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(v.took*time.Duration(at)/time.Duration(v.most), func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	return out.Bytes(), err
}

// strike runs the command with a fault and again without; false when the fault did not stop it.
func (v *victim) strike(t *testing.T, blow string, rng *rand.Rand) (stopped bool) {
	t.Helper()
	dir := v.folder(t)
	defer os.RemoveAll(dir)
	old := v.before(t, dir)
	at := rng.IntN(v.most)
	where := fmt.Sprintf("%s, %s at %d", v.name, blow, at)
	out, err := v.struck(t, dir, blow, at)
	if bytes.Contains(out, []byte("goroutine ")) {
		t.Errorf("%s: it panicked:\n%s", where, out)
	}
	got := stateOf(t, filepath.Join(dir, "out"))
	for name, data := range got {
		if working.MatchString(name) {
			continue
		}
		if data != v.want[name] && data != old[name] {
			t.Errorf("%s: %s is neither whole nor as it was: %d bytes of %d", where, name, len(data), len(v.want[name]))
		}
	}
	for name := range old {
		if _, ok := got[name]; !ok {
			t.Errorf("%s: the earlier %s is lost", where, name)
		}
	}
	again, errAgain := v.command(t, dir, "").CombinedOutput()
	whole := v.name == "merge" && bytes.Contains(again, []byte("exists already"))
	if errAgain != nil && !whole {
		t.Errorf("%s: %v\n%s\nand then again: %v\n%s", where, err, out, errAgain, again)
		return true
	}
	got = stateOf(t, filepath.Join(dir, "out"))
	for name := range got {
		if _, ok := v.want[name]; !ok {
			t.Errorf("%s: %s is left behind", where, name)
		}
	}
	for name, data := range v.want {
		if got[name] != data {
			t.Errorf("%s: after the next run %s differs: %d bytes, not %d", where, name, len(got[name]), len(data))
		}
	}
	return err != nil
}

// stateOf reads a folder.
func stateOf(t *testing.T, dir string) state {
	t.Helper()
	s := state{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".bitmill":
			return fs.SkipDir
		case d.IsDir() || d.Name() == batchName || d.Name() == logName:
			return nil
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		switch base := filepath.Base(path); { // pages say when they were made
		case base == "report.html" && bytes.HasSuffix(bytes.TrimSpace(data), []byte("</html>")), base == "report.md" && len(data) > 500:
			data = []byte("a whole page")
		}
		s[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

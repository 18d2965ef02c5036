package quantize

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// memoryChild tells the test binary to hash and quantize the model in a folder within a budget; it prints the most
// memory it ever had resident.
const memoryChild = "QUANTIZE_TEST_MEMORY"

func memoryMain(dir string, args []string) error {
	c, err := checkpoint.Open(filepath.Join(dir, "model"))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Hash(); err != nil {
		return err
	}
	budget, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	var artifacts []Artifact
	for _, name := range args[1:] {
		p, err := NewPlan(c, nil, Options{Format: name})
		if err != nil {
			return err
		}
		artifacts = append(artifacts, Artifact{Plan: p, Path: filepath.Join(dir, name+".gguf"), ResumeKey: "memory"})
	}
	if _, err := Write(context.Background(), c, nil, artifacts, WriteOptions{Threads: 2, Memory: budget}); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println(strings.Fields(kib)[0])
		}
	}
	return err
}

// peakMemory quantizes the sparse model in a child and returns its peak of resident bytes.
func peakMemory(t *testing.T, dir string, budget int64, names ...string) int64 {
	t.Helper()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("this system does not tell a process's peak memory in /proc/self/status")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{fmt.Sprint(budget)}, names...)...)
	cmd.Env = append(os.Environ(), memoryChild+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatalf("the child printed %q", out)
	}
	return kib << 10
}

// A small budget holds on a model many times as large.
func TestMemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	size := checkpointtest.Sparse(t, filepath.Join(dir, "model"), checkpointtest.Shape{Width: 1024, FFN: 4096, Layers: 6, Heads: 16, KV: 4, Vocab: 32000})
	const budget, beyond = 8 << 20, 80 << 20
	peak := peakMemory(t, dir, budget, "Q8_0", "Q4_0")
	t.Logf("peak %d MiB for %d MiB of weights", peak>>20, size>>20)
	if peak > budget+beyond || size < 3*(budget+beyond) {
		t.Errorf("%d MiB resident for %d MiB of weights and a budget of %d MiB", peak>>20, size>>20, budget>>20)
	}
}

// One row larger than the budget: it is cut where nothing depends on rows, and the bytes stay the same.
func TestHugeRows(t *testing.T) {
	const n = 3<<20 + 5
	values := make([]byte, 0, 4*n)
	for i := range uint32(n) {
		values = binary.LittleEndian.AppendUint32(values, 0x3f000000+i*12345&0x7fffff)
	}
	matrix := values[:4*(1<<20)]
	m := &gguf.Metadata{}
	m.Set("general.architecture", "llama")
	path := filepath.Join(t.TempDir(), "in.gguf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	tensors := []formats.Tensor{
		{Name: "long.bias", Type: formats.F32, Shape: []int64{n}},
		{Name: "wide.weight", Type: formats.F32, Shape: []int64{1 << 19, 2}},
	}
	if err := gguf.Write(f, m, tensors, func(i int) ([]byte, error) { return [][]byte{values, matrix}[i], nil }); err != nil {
		t.Fatal(err)
	}
	f.Close()
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, format := range []string{"F32", "BF16", "Q4_K_M"} {
		var sums []string
		for _, memory := range []int64{1 << 20, DefaultMemory} {
			job := Artifact{Plan: mustPlan(t, c, Options{Format: format}), Path: filepath.Join(t.TempDir(), "a")}
			written, err := Write(context.Background(), c, nil, []Artifact{job}, WriteOptions{Threads: 3, Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			sums = append(sums, written[0].SHA256)
		}
		if sums[0] != sums[1] {
			t.Errorf("%s: the bytes depend on the budget", format)
		}
	}
	job := []Artifact{{Plan: mustPlan(t, c, Options{Format: "BF16"})}}
	tasks, err := newTasks(c, nil, job)
	if err != nil {
		t.Fatal(err)
	}
	b := splitWork(tasks, 3, 1<<20)
	for _, task := range tasks {
		if held := task.step * task.rowCost() * int64(b.slabs); task.flat != (held > 0) || held > 1<<20 { // a copy holds nothing
			t.Errorf("%s: %d bytes held, flat %v", task.tensor.Name, held, task.flat)
		}
	}
	splitWork(tasks, 3, 1)
	for _, task := range tasks {
		if task.flat && task.step < fewestValues {
			t.Errorf("%s: without a budget worth the name, %d values are handed on at a time", task.tensor.Name, task.step)
		}
	}
}

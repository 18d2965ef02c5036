package quantize

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

var hugeFolder = flag.String("huge", "", "`folder` with 50 GB free: quantize a sparse model of 16 GB there and look at the memory that takes")

// llamaShape is what a sparse model of the llama family needs to be.
type llamaShape struct{ width, ffn, layers, heads, kv, vocab int }

// writeSparse writes a checkpoint whose weights are a hole in the file, which reads as zeros, and returns their bytes.
func writeSparse(t *testing.T, dir string, s llamaShape) int64 {
	t.Helper()
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header, end := map[string]entry{}, int64(0)
	add := func(name string, shape ...int) {
		n := int64(2)
		for _, d := range shape {
			n *= int64(d)
		}
		header[name] = entry{"BF16", shape, [2]int64{end, end + n}}
		end += n
	}
	add("model.embed_tokens.weight", s.vocab, s.width)
	add("lm_head.weight", s.vocab, s.width)
	add("model.norm.weight", s.width)
	kv := s.kv * (s.width / s.heads)
	for l := range s.layers {
		p := fmt.Sprintf("model.layers.%d.", l)
		add(p+"self_attn.q_proj.weight", s.width, s.width)
		add(p+"self_attn.k_proj.weight", kv, s.width)
		add(p+"self_attn.v_proj.weight", kv, s.width)
		add(p+"self_attn.o_proj.weight", s.width, s.width)
		add(p+"mlp.gate_proj.weight", s.ffn, s.width)
		add(p+"mlp.up_proj.weight", s.ffn, s.width)
		add(p+"mlp.down_proj.weight", s.width, s.ffn)
		add(p+"input_layernorm.weight", s.width)
		add(p+"post_attention_layernorm.weight", s.width)
	}
	config := map[string]any{"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_size": s.width, "intermediate_size": s.ffn,
		"num_hidden_layers": s.layers, "num_attention_heads": s.heads, "num_key_value_heads": s.kv, "vocab_size": s.vocab,
		"max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "torch_dtype": "bfloat16"}
	data, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(data))), data...)
	weights := filepath.Join(dir, "model.safetensors")
	configData, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{weights: file, filepath.Join(dir, "config.json"): configData} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(weights, int64(len(file))+end); err != nil {
		t.Fatal(err)
	}
	return end
}

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
	var jobs []Job
	for _, name := range args[1:] {
		p, err := NewPlan(c, nil, Options{Format: name})
		if err != nil {
			return err
		}
		jobs = append(jobs, Job{Plan: p, Path: filepath.Join(dir, name+".gguf"), Key: "memory"})
	}
	if _, err := Write(context.Background(), c, nil, jobs, WriteOptions{Threads: 2, Memory: budget}); err != nil {
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
	size := writeSparse(t, filepath.Join(dir, "model"), llamaShape{width: 1024, ffn: 4096, layers: 6, heads: 16, kv: 4, vocab: 32000})
	const budget, beyond = 8 << 20, 80 << 20
	peak := peakMemory(t, dir, budget, "Q8_0", "Q4_0")
	t.Logf("peak %d MiB for %d MiB of weights", peak>>20, size>>20)
	if peak > budget+beyond || size < 3*(budget+beyond) {
		t.Errorf("%d MiB resident for %d MiB of weights and a budget of %d MiB", peak>>20, size>>20, budget>>20)
	}
}

// TestMemoryOfSixteenGigabytes writes the seven headline formats of a 16 GB model from one read, with the default
// budget: about 35 GB of output.
func TestMemoryOfSixteenGigabytes(t *testing.T) {
	if *hugeFolder == "" {
		t.Skip("did not run: it needs -huge FOLDER with 50 GB free, and some minutes")
	}
	dir, err := os.MkdirTemp(*hugeFolder, "huge-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	size := writeSparse(t, filepath.Join(dir, "model"), llamaShape{width: 4096, ffn: 14336, layers: 32, heads: 32, kv: 8, vocab: 128256})
	if size < 16e9 {
		t.Fatalf("only %d bytes", size)
	}
	start := time.Now()
	peak := peakMemory(t, dir, DefaultMemory, Headline()...)
	t.Logf("peak %d MiB for %d bytes of weights; %v", peak>>20, size, time.Since(start).Round(time.Second))
	if peak > DefaultMemory+256<<20 {
		t.Errorf("%d MiB resident with a budget of %d MiB", peak>>20, DefaultMemory>>20)
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
			job := Job{Plan: mustPlan(t, c, Options{Format: format}), Path: filepath.Join(t.TempDir(), "a")}
			written, err := Write(context.Background(), c, nil, []Job{job}, WriteOptions{Threads: 3, Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			sums = append(sums, written[0].SHA256)
		}
		if sums[0] != sums[1] {
			t.Errorf("%s: the bytes depend on the budget", format)
		}
	}
	job := []Job{{Plan: mustPlan(t, c, Options{Format: "BF16"})}}
	tasks, err := newTasks(c, nil, job)
	if err != nil {
		t.Fatal(err)
	}
	b := cut(tasks, 3, 1<<20)
	for _, task := range tasks {
		if held := task.step * task.rowCost() * int64(b.slabs); task.flat != (held > 0) || held > 1<<20 { // a copy holds nothing
			t.Errorf("%s: %d bytes held, flat %v", task.tensor.Name, held, task.flat)
		}
	}
}

package quantize

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
	"bitmill/formats/safetensors"
)

// writeAll makes artifacts of the formats in dir and returns their hashes in order.
func writeAll(t *testing.T, c *checkpoint.Checkpoint, dir string, threads int, names ...string) []string {
	t.Helper()
	var artifacts []Artifact
	for _, name := range names {
		artifacts = append(artifacts, Artifact{Plan: mustPlan(t, c, Options{Format: name}), Path: filepath.Join(dir, name)})
	}
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	var hashes []string
	for _, w := range written {
		hashes = append(hashes, w.SHA256)
	}
	return hashes
}

func equal(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") }

func TestSameBytesForAnyThreads(t *testing.T) {
	c := openCase(t, "llama-narrow")
	names := []string{"Q4_K_M", "Q3_K_S", "Q8_0", "F16", "F32"}
	want := writeAll(t, c, t.TempDir(), 1, names...)
	for _, threads := range []int{2, 7} {
		if got := writeAll(t, c, t.TempDir(), threads, names...); !equal(got, want) {
			t.Errorf("%d threads: %v, want %v", threads, got, want)
		}
	}
	for i, name := range names {
		if got := writeAll(t, c, t.TempDir(), 2, name); got[0] != want[i] {
			t.Errorf("%s alone differs from %s together with others", name, name)
		}
	}
}

// The way through a 16-bit GGUF file leads to the same artifact.
func TestSameBytesFromGGUF(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	want := writeAll(t, c, dir, 0, "BF16", "Q4_K_M", "F16")
	c16, err := checkpoint.Open(filepath.Join(dir, "BF16"))
	if err != nil {
		t.Fatal(err)
	}
	defer c16.Close()
	if got := writeAll(t, c16, t.TempDir(), 0, "BF16", "Q4_K_M", "F16"); !equal(got, want) {
		t.Errorf("from GGUF %v, from safetensors %v", got, want)
	}
}

func TestProgressAndOverwrite(t *testing.T) {
	c, path := openCase(t, "llama"), filepath.Join(t.TempDir(), "a.gguf")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	var calls int
	var last, end int64
	progress := func(done, total int64) {
		if done < last {
			t.Errorf("progress went back from %d to %d", last, done)
		}
		calls, last, end = calls+1, done, total
	}
	p := mustPlan(t, c, Options{Format: "Q8_0"})
	if _, err := Write(context.Background(), c, nil, []Artifact{{Plan: p, Path: path}}, WriteOptions{Progress: progress}); err != nil {
		t.Fatal(err)
	}
	if calls < len(p.Tensors) || last != end {
		t.Errorf("%d calls, ended at %d of %d", calls, last, end)
	}
	st, err := os.Stat(path)
	if err != nil || st.Size() != p.FileBytes {
		t.Errorf("%v, %v: want %d bytes", st, err, p.FileBytes)
	}
}

// damaged is case "llama" with one value of one tensor replaced.
func damaged(t *testing.T, tensor string, index int, bits uint16) *checkpoint.Checkpoint {
	t.Helper()
	c := checkpointtest.Load(t, "llama")
	dir := c.Folder(t)
	data := c.Safetensors(t)
	f, err := safetensors.Parse("model.safetensors", data)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, st := range f.Tensors {
		if st.Name == tensor {
			binary.LittleEndian.PutUint16(st.Data[2*index:], bits)
			found = true
		}
	}
	if !found {
		t.Fatalf("no tensor %s", tensor)
	}
	checkpointtest.WriteFile(t, dir, "model.safetensors", data)
	opened, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func TestDamagedSource(t *testing.T) {
	for _, tt := range []struct {
		tensor string
		index  int
		bits   uint16
		format string
		want   string
	}{
		{"model.layers.1.mlp.down_proj.weight", 512*7 + 3, 0x7fc0, "Q4_K_M", "tensor blk.1.ffn_down.weight holds NaN in row 7, column 3"},
		{"model.layers.0.mlp.up_proj.weight", 256*511 + 255, 0xff80, "BF16", "tensor blk.0.ffn_up.weight holds -Inf in row 511, column 255"},
		{"model.layers.0.mlp.up_proj.weight", 256, 0x7f00, "Q8_0", "Q8_0: 1 tensor (blk.0.ffn_up.weight) holds 1.70141e+38 in row 1, column 0: the scale of its Q8_0 block would be beyond 65504"},
		{"model.layers.0.mlp.up_proj.weight", 256*5 + 9, 0x7f00, "F16", "F16: 1 tensor (blk.0.ffn_up.weight) holds 1.70141e+38 in row 5, column 9, beyond 65504, the largest number of F16; BF16 holds it"},
	} {
		c, dir := damaged(t, tt.tensor, tt.index, tt.bits), t.TempDir()
		p := mustPlan(t, c, Options{Format: tt.format})
		_, err := Write(context.Background(), c, nil, []Artifact{{Plan: p, Path: filepath.Join(dir, "a.gguf")}}, WriteOptions{Threads: 3})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.format, err, tt.want)
		}
		checkEmpty(t, dir)
	}
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s was left behind", e.Name())
	}
}

func TestCancel(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	artifacts := []Artifact{
		{Plan: mustPlan(t, c, Options{Format: "Q4_K_M"}), Path: filepath.Join(dir, "a.gguf")},
		{Plan: mustPlan(t, c, Options{Format: "Q8_0"}), Path: filepath.Join(dir, "b.gguf")},
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	written, err := Write(ctx, c, nil, artifacts, WriteOptions{Threads: 2, Progress: func(done, total int64) {
		if done > total/3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || len(written) != 0 {
		t.Errorf("%v, %v", written, err)
	}
	checkEmpty(t, dir)
}

func TestWriteRefusals(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	q8 := mustPlan(t, c, Options{Format: "Q8_0"})
	gone := mustPlan(t, c, Options{Format: "Q8_0"})
	gone.Metadata.Set("general.extra", "added afterwards")
	huge := mustPlan(t, c, Options{Format: "Q8_0"})
	huge.Layout.FileBytes = 1 << 61
	m := openMatrix(t, "llama")
	weighted, err := NewPlan(c, m, Options{Format: "Q4_K_M"})
	if err != nil {
		t.Fatal(err)
	}
	activations := mustPlan(t, c, Options{Format: "Q8_0"})
	for i := range activations.Tensors {
		if t := &activations.Tensors[i]; t.Type == formats.Q8_0 {
			t.Type = formats.Q8_K // which no weights have
		}
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, tt := range []struct {
		name      string
		artifacts []Artifact
		want      string
	}{
		{"nothing", nil, "nothing to write"},
		{"two of a name", []Artifact{{Plan: q8, Path: path("a")}, {Plan: q8, Path: path("./a")}}, "two artifacts would be written"},
		{"no folder", []Artifact{{Plan: q8, Path: path("no/a")}}, "there is no folder"},
		{"another checkpoint", []Artifact{{Plan: mustPlan(t, small(256, formats.BF16), Options{Format: "Q8_0"}), Path: path("a")}}, "another checkpoint"},
		{"no data", []Artifact{{Plan: q8, Path: path("a")}}, "bare config.json"},
		{"no encoder", []Artifact{{Plan: q8, Path: path("b")}, {Plan: activations, Path: path("a")}}, "would be Q8_K, which bitmill can plan but not write yet"},
		{"assumed matrix", []Artifact{{Plan: mustPlan(t, c, Options{Format: "IQ2_M", AssumeImatrix: true}), Path: path("a")}}, "plan again with the matrix"},
		{"matrix is gone", []Artifact{{Plan: weighted, Path: path("a")}}, "another importance matrix"},
		{"plan changed", []Artifact{{Plan: q8, Path: path("b")}, {Plan: gone, Path: path("a")}}, "the plan was changed"},
		{"no space", []Artifact{{Plan: q8, Path: path("b")}, {Plan: huge, Path: path("a")}}, "not enough free space"},
	} {
		source := c
		if tt.name == "no data" {
			source = small(256, formats.BF16)
			tt.artifacts[0].Plan = mustPlan(t, source, Options{Format: "Q8_0"})
		}
		written, err := Write(context.Background(), source, nil, tt.artifacts, WriteOptions{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || written != nil {
			t.Errorf("%s: %v, error %v, want %q", tt.name, written, err, tt.want)
		}
		checkEmpty(t, dir)
	}
}

func TestSourceIsNotOverwritten(t *testing.T) {
	c, path := openCase(t, "llama"), filepath.Join(t.TempDir(), "a.gguf")
	if _, err := Write(context.Background(), c, nil, []Artifact{{Plan: mustPlan(t, c, Options{Format: "BF16"}), Path: path}}, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	source, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	_, err = Write(context.Background(), source, nil, []Artifact{{Plan: mustPlan(t, source, Options{Format: "Q8_0"}), Path: path}}, WriteOptions{})
	if err == nil || !strings.Contains(err.Error(), "is the source itself") {
		t.Errorf("error %v", err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if v, _, _ := f.Metadata.Uint("general.file_type"); v != 32 {
		t.Errorf("the source's file type is now %d", v)
	}
}

// Neither are the files of a folder that hold no tensors, nor a source with the name of the unfinished file.
func TestNoPartOfTheSourceIsOverwritten(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	refused := func(c *checkpoint.Checkpoint, path, key, want string) {
		t.Helper()
		artifacts := []Artifact{{Plan: mustPlan(t, c, Options{Format: "Q8_0"}), Path: path, ResumeKey: key}}
		if _, err := Write(context.Background(), c, nil, artifacts, WriteOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	from := c.Path
	c.Path = dir
	refused(c, config, "", "is the source itself")
	c.Path = from

	path := filepath.Join(dir, "a.gguf")
	if _, err := Write(context.Background(), c, nil, []Artifact{{Plan: mustPlan(t, c, Options{Format: "BF16"}), Path: path}}, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{".part", ".part.journal"} {
		out := filepath.Join(dir, "out.gguf")
		if err := os.Rename(path, out+ending); err != nil {
			t.Fatal(err)
		}
		path = out + ending
		source, err := checkpoint.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		for _, key := range []string{"", "key"} {
			refused(source, out, key, "which is being read")
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the source %s has changed: %v", path, err)
		}
	}
}

// NaN in the last tensor is found before any other tensor is touched, whether a file can be taken up again or not.
func TestDamageIsFoundFirst(t *testing.T) {
	for _, key := range []string{"", "key"} {
		c, dir := damaged(t, "model.layers.1.mlp.down_proj.weight", 512*7+3, 0x7fc0), t.TempDir()
		var scanned int64
		job := Artifact{Plan: mustPlan(t, c, Options{Format: "Q4_K_M"}), Path: filepath.Join(dir, "a.gguf"), ResumeKey: key}
		_, err := Write(context.Background(), c, nil, []Artifact{job}, WriteOptions{
			Scan:     func(done, total int64) { scanned = done },
			Progress: func(done, total int64) { t.Errorf("%d of %d bytes were quantized", done, total) },
		})
		var bad *checkpoint.NotFiniteError
		if !errors.As(err, &bad) || bad.Tensor != "blk.1.ffn_down.weight" || bad.Row != 7 || bad.Column != 3 || scanned == 0 {
			t.Errorf("error %v after %d bytes", err, scanned)
		}
		checkEmpty(t, dir)
	}
}

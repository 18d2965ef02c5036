package gguf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/file"
)

// sample writes DIR/in.gguf: six tensors whose sizes are no multiples of the alignment, keys of several types.
func sample(t *testing.T, dir string) *File {
	t.Helper()
	m := &Metadata{}
	m.Set("general.architecture", "llama")
	m.Set("general.name", "split test")
	m.Set("tokenizer.ggml.tokens", []string{"a", "b", ""})
	m.Set("tokenizer.ggml.scores", []float32{0.5, -1, 0})
	m.Set("tokenizer.ggml.add_bos_token", true)
	var tensors []formats.Tensor
	for i, s := range [][]int64{{5}, {64, 3}, {32, 2}, {7, 1}, {96}, {3, 3, 2}} {
		typ := formats.F32
		if s[0]%32 == 0 {
			typ = formats.Q8_0
		}
		tensors = append(tensors, formats.Tensor{Name: "t" + string(rune('0'+i)), Type: typ, Shape: s})
	}
	var b bytes.Buffer
	err := Write(&b, m, tensors, func(i int) ([]byte, error) {
		n, err := tensors[i].Bytes()
		data := make([]byte, n)
		for j := range data {
			data[j] = byte(i*31+j*7) & 0x3b
		}
		return data, err
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "in.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func targets(f *File, prefix string, shards []PlannedShard) (list []Target) {
	for i, p := range shards {
		list = append(list, Target{ShardPath(prefix, i, len(shards)), p.Metadata, f.Tensors[p.First : p.First+len(p.Tensors)]})
	}
	return list
}

func hashFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// The hashes are of the files that llama-gguf-split wrote from the sample (llama.cpp at snapshot de3ff81):
//
//	llama-gguf-split FLAGS in.gguf o
//	llama-gguf-split --merge o-00001-of-0000N.gguf merged.gguf
//
// Its unit for --split-max-size is the megabyte, so a limit on bytes has no hashes here; TestCuts has it.
func TestSplitEqualsPeer(t *testing.T) {
	for _, c := range []struct {
		flags  string
		o      SplitOptions
		shards []string
		merged string
	}{
		{"", SplitOptions{}, []string{
			"a2821fae9db83cfbbba6ee73be31657888f75e1a2dc7090c83f64771464d10e2",
		}, "2a984907e0ab7efef989b0c9937a8103cebc5850315db49f501cd29168be5e32"},
		{"--split-max-tensors 2", SplitOptions{MaxTensors: 2}, []string{
			"57a1188271a28830b954242c812b88a30e3cd2c703686c72312b24b24c1b9d83",
			"d6f256a1666b10e7d0f5dbb25b287ee5d9dc81edd61b78ffd13e0c65c5936641",
			"1ab9cdb1dcbdd29d6b9644dbbd33e525af00707ba9b6db3a64d3be038cfe42f2",
		}, "2a984907e0ab7efef989b0c9937a8103cebc5850315db49f501cd29168be5e32"},
		{"--split-max-tensors 4 --no-tensor-first-split", SplitOptions{MaxTensors: 4, BareFirst: true}, []string{
			"61baf70955a68eca05fff0a5f49850b97792392d29b7cec8a2b066e73454cf4e",
			"c804058ecb25a7c6d265cdc55d8ee4db91621329749bca80e0fdb72b8847817f",
			"1ab9cdb1dcbdd29d6b9644dbbd33e525af00707ba9b6db3a64d3be038cfe42f2",
		}, "2a984907e0ab7efef989b0c9937a8103cebc5850315db49f501cd29168be5e32"},
	} {
		dir := t.TempDir()
		f := sample(t, dir)
		shards, err := Split(f.Metadata, f.Infos(), c.o)
		if err != nil {
			t.Fatal(err)
		}
		var last int64
		list := targets(f, filepath.Join(dir, "o"), shards)
		if err := Copy(context.Background(), f, list, func(done, total int64) { last = total - done }); err != nil {
			t.Fatal(err)
		}
		if last != 0 || len(list) != len(c.shards) {
			t.Fatalf("%s: %d shards, %d bytes left", c.flags, len(list), last)
		}
		for i, x := range list {
			if got := hashFile(t, x.Path); got != c.shards[i] {
				t.Errorf("%s: shard %d has hash %s, want %s", c.flags, i+1, got, c.shards[i])
			}
			if st, err := os.Stat(x.Path); err != nil || st.Size() != shards[i].Layout.FileBytes {
				t.Errorf("%s: shard %d: %v bytes, %d foretold (%v)", c.flags, i+1, st.Size(), shards[i].Layout.FileBytes, err)
			}
		}
		set, err := Open(list[0].Path)
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		m, err := Merged(set.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		merged := filepath.Join(dir, "merged.gguf")
		if err := Copy(context.Background(), set, []Target{{merged, m, set.Tensors}}, nil); err != nil {
			t.Fatal(err)
		}
		if got := hashFile(t, merged); got != c.merged {
			t.Errorf("%s: merged: hash %s, want %s", c.flags, got, c.merged)
		}
	}
}

func TestCuts(t *testing.T) {
	var tensors []formats.Tensor
	for i, n := range []int64{8, 16, 9, 40, 8, 8} { // 32, 64, 36 -> 64, 160, 32, 32 bytes
		tensors = append(tensors, formats.Tensor{Name: string(rune('a' + i)), Type: formats.F32, Shape: []int64{n}})
	}
	for _, c := range []struct {
		o    SplitOptions
		want []int
		err  string
	}{
		{SplitOptions{}, []int{0}, ""},
		{SplitOptions{MaxTensors: 2}, []int{0, 2, 4}, ""},
		{SplitOptions{MaxTensors: 6}, []int{0}, ""},
		{SplitOptions{MaxTensors: 4, BareFirst: true}, []int{0, 0, 4}, ""},
		{SplitOptions{MaxBytes: 96}, []int{0, 2, 3, 4}, ""},
		{SplitOptions{MaxBytes: 95}, []int{0, 1, 2, 3, 4}, ""},
		{SplitOptions{MaxBytes: 1000, BareFirst: true}, []int{0, 0}, ""},
		{SplitOptions{MaxBytes: 31}, nil, "tensor a takes 32 bytes, more than the 31 allowed"},
		{SplitOptions{MaxBytes: 31, BareFirst: true}, nil, "tensor a takes 32 bytes"},
		{SplitOptions{MaxBytes: 31, MaxTensors: 2}, nil, "not both"},
		{SplitOptions{MaxTensors: -1}, nil, "below zero"},
	} {
		shards, err := Split(&Metadata{}, tensors, c.o)
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.err)
		}
		var got []int
		n := 0
		for _, p := range shards {
			got = append(got, p.First)
			n += len(p.Tensors)
		}
		if !reflect.DeepEqual(got, c.want) || err == nil && n != len(tensors) {
			t.Errorf("%+v: cuts %v of %d tensors, want %v", c.o, got, n, c.want)
		}
	}
	if big := Oversized(tensors, 96); !reflect.DeepEqual(big, []string{"d"}) {
		t.Errorf("oversized: %v", big)
	}
	many := make([]formats.Tensor, maxShards+1)
	for i := range many {
		many[i] = formats.Tensor{Type: formats.F32, Shape: []int64{1}}
	}
	if _, err := Split(&Metadata{}, many, SplitOptions{MaxTensors: 1}); err == nil || !strings.Contains(err.Error(), "at most 65535") {
		t.Errorf("too many shards: %v", err)
	}
}

// An alignment of the model's own holds in the first shard, which records it; the others have the usual one.
func TestSplitAlignment(t *testing.T) {
	dir := t.TempDir()
	f := sample(t, dir)
	m := f.Metadata.Clone()
	m.Set(keyAlignment, uint32(128))
	shards, err := Split(m, f.Infos(), SplitOptions{MaxTensors: 2})
	if err != nil {
		t.Fatal(err)
	}
	list := targets(f, filepath.Join(dir, "o"), shards)
	if err := Copy(context.Background(), f, list, nil); err != nil {
		t.Fatal(err)
	}
	set, err := Open(list[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for i, x := range set.Tensors {
		if !bytes.Equal(x.Data, f.Tensors[i].Data) || x.Name != f.Tensors[i].Name {
			t.Errorf("tensor %s differs", x.Name)
		}
	}
	for i, s := range set.Shards {
		if s.Bytes != s.End || i == 0 && s.HeaderBytes%128 != 0 {
			t.Errorf("shard %d: %+v", i, s)
		}
	}
}

func TestMergedRefuses(t *testing.T) {
	m := &Metadata{}
	if _, err := Merged(m); err == nil {
		t.Error("a file without split.count")
	}
	m.Set(KeySplitCount, uint16(0))
	if _, err := Merged(m); err == nil {
		t.Error("a merged file")
	}
	m.Set(KeySplitCount, "three")
	if _, err := Merged(m); !errors.Is(err, formats.ErrCorrupt) {
		t.Errorf("a count of another type: %v", err)
	}
}

func TestCopyAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	f := sample(t, dir)
	shards, err := Split(f.Metadata, f.Infos(), SplitOptions{MaxTensors: 1})
	if err != nil {
		t.Fatal(err)
	}
	list := targets(f, filepath.Join(dir, "o"), shards)
	left := func(what string) {
		t.Helper()
		if names, _ := filepath.Glob(filepath.Join(dir, "o*")); names != nil {
			t.Errorf("%s left %v", what, names)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := Copy(ctx, f, list, func(done, total int64) {
		if done > total/2 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	left("an interruption")

	broken := append(list[:len(list):len(list)], Target{filepath.Join(dir, "none", "o"), list[0].Metadata, nil})
	if err := Copy(context.Background(), f, broken, nil); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("a missing folder: %v", err)
	}
	left("a missing folder")

	own := append(list[:len(list):len(list)], Target{filepath.Join(dir, ".", "in.gguf"), list[0].Metadata, nil})
	if err := Copy(context.Background(), f, own, nil); err == nil || !strings.Contains(err.Error(), "is the source itself") {
		t.Errorf("onto the source: %v", err)
	}
	left("the source as target")

	if err := file.CheckSpace(dir, math.MaxInt64); err == nil {
		t.Skip("did not run the last part: this system does not tell its free space")
	}
	huge := Target{filepath.Join(dir, "o"), f.Metadata, []Tensor{{Tensor: formats.Tensor{Name: "huge", Type: formats.I8, Shape: []int64{1 << 50}}}}}
	if err := Copy(context.Background(), f, append(list[:len(list):len(list)], huge), nil); !errors.Is(err, file.ErrNoSpace) {
		t.Errorf("more than fits: %v", err)
	}
	left("lack of space")
}

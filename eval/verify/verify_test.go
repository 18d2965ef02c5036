package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// model is the llama test case as a GGUF file, which a test damages before it is written.
type model struct {
	meta    *gguf.Metadata
	tensors []formats.Tensor
	data    [][]byte
}

func load(t *testing.T) *model {
	t.Helper()
	c, err := checkpoint.Open(checkpointtest.Load(t, "llama").Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := &model{meta: c.Metadata.Clone()}
	for i := range c.Tensors {
		x := &c.Tensors[i]
		size, err := x.Tensor.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, size)
		if err := x.ReadRows(data, 0, x.Rows()); err != nil {
			t.Fatal(err)
		}
		m.tensors, m.data = append(m.tensors, x.Tensor), append(m.data, data)
	}
	return m
}

func (m *model) find(t *testing.T, name string) int {
	t.Helper()
	for i, x := range m.tensors {
		if x.Name == name {
			return i
		}
	}
	t.Fatalf("there is no tensor %s", name)
	return 0
}

func (m *model) open(t *testing.T) *checkpoint.Checkpoint {
	t.Helper()
	var b bytes.Buffer
	if err := gguf.Write(&b, m.meta, m.tensors, func(i int) ([]byte, error) { return m.data[i], nil }); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func texts(r *Result) (list []string) {
	for _, p := range r.Problems {
		list = append(list, p.String())
	}
	return list
}

func TestModel(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(m *model)
		want   []string // the start of each problem
	}{
		"nothing": {func(m *model) {}, nil},
		"NaN in the last value and infinity before": {func(m *model) {
			i := m.find(t, "blk.0.ffn_up.weight")
			b := m.data[i]
			copy(b[len(b)-2:], []byte{0xc0, 0x7f})
			copy(b[2*m.tensors[i].Cols()+6:], []byte{0x80, 0xff})
		}, []string{"tensor blk.0.ffn_up.weight: the value in row 1, column 3 is NaN or infinite; 2 of "}},
		"a block's scale": {func(m *model) {
			i := m.find(t, "blk.1.ffn_down.weight")
			x := &m.tensors[i]
			x.Type = formats.Q8_0
			size, err := x.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			m.data[i] = make([]byte, size)
			copy(m.data[i][34*int(x.Cols()/32+1):], []byte{0, 0x7c}) // row 1, second block
		}, []string{"tensor blk.1.ffn_down.weight: the scale of the Q8_0 block in row 1, columns 32 to 63 is NaN or infinite; 1 of "}},
		"missing and wrong": {func(m *model) {
			i := m.find(t, "blk.0.attn_q.weight")
			m.tensors[i].Name = "blk.0.attn_x.weight"
			j := m.find(t, "blk.1.attn_norm.weight")
			m.tensors[j].Shape, m.data[j] = []int64{4}, m.data[j][:16]
		}, []string{"tensor blk.1.attn_norm.weight: corrupt: its shape is [4], the metadata calls for", "tensor blk.0.attn_q.weight: it is missing"}},
		"metadata": {func(m *model) {
			m.meta.Delete("llama.block_count")
			m.meta.Set("bitmill.source.sha256", "abc")
			m.meta.Set("tokenizer.ggml.tokens", []string{"a"})
		}, []string{"corrupt: there is no metadata key llama.block_count", "tensor token_embd.weight: it has ", "metadata key bitmill.source.sha256 is not a hash of 256 bits in hexadecimal: abc"}},
	} {
		m := load(t)
		c.damage(m)
		var last int64
		r, err := Model(context.Background(), m.open(t), Options{Pass: checkpoint.Pass{Progress: func(done, total int64) { last = total - done }}})
		if err != nil {
			t.Fatal(err)
		}
		got := texts(r)
		ok := len(got) == len(c.want) && last == 0
		for i := range min(len(got), len(c.want)) {
			ok = ok && strings.HasPrefix(got[i], c.want[i])
		}
		if !ok {
			t.Errorf("%s: %q, want %q; %d bytes left", name, got, c.want, last)
		}
		if name == "missing and wrong" && !slices.Contains(r.Notes, "architecture llama has no tensor blk.0.attn_x.weight") {
			t.Errorf("notes: %q", r.Notes)
		}
	}
}

func TestUnknownArchitecture(t *testing.T) {
	m := load(t)
	m.meta.Set("general.architecture", "martian")
	r, err := Model(context.Background(), m.open(t), Options{})
	if err != nil || len(r.Problems) != 0 || len(r.Notes) == 0 || !strings.Contains(r.Notes[0], `"martian"`) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestHashesAndManifest(t *testing.T) {
	m := load(t)
	r, err := Model(context.Background(), m.open(t), Options{Hash: true, Pass: checkpoint.Pass{Threads: 3}})
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range r.Hashes {
		sum := sha256.Sum256(m.data[i])
		if h != (Hash{m.tensors[i].Name, hex.EncodeToString(sum[:])}) {
			t.Errorf("%v", h)
		}
	}
	list, err := ParseManifest("m", FormatManifest(r.Hashes))
	if err != nil || !reflect.DeepEqual(list, r.Hashes) {
		t.Fatalf("written and read: %v", err)
	}
	if r.Manifest(list); r.Problems != nil {
		t.Errorf("its own manifest: %v", r.Problems)
	}
	list[0].SHA256 = strings.Repeat("0", 64)
	list[1].Name = "other"
	r.Manifest(list)
	want := []string{
		"tensor " + r.Hashes[0].Name + ": its data hash to " + r.Hashes[0].SHA256 + ", the manifest says " + list[0].SHA256,
		"tensor " + r.Hashes[1].Name + ": the manifest does not list it",
		"tensor other: the manifest lists it, the file does not have it",
	}
	if got := texts(r); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestManifestText(t *testing.T) {
	h := strings.Repeat("0a", 32)
	odd := []Hash{{"back\\slash\nand \\n", h}, {"plain  name", h}}
	text := FormatManifest(odd)
	if want := "\\" + h + "  back\\\\slash\\nand \\\\n\n" + h + "  plain  name\n"; string(text) != want {
		t.Errorf("%q", text)
	}
	if got, err := ParseManifest("m", text); err != nil || !reflect.DeepEqual(got, odd) {
		t.Errorf("%q, %v", got, err)
	}
	got, err := ParseManifest("m", []byte("# a comment\r\n\n"+strings.ToUpper(h)+" *binary\r\n"))
	if err != nil || !reflect.DeepEqual(got, []Hash{{"binary", h}}) {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "# nothing\n", h + "\n", h + " x\n", h[1:] + "  x\n", h[1:] + "g  x\n", h + "  x\n" + h + "  x\n"} {
		if _, err := ParseManifest("m", []byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestShardsAndRecorded(t *testing.T) {
	var b bytes.Buffer
	m := &gguf.Metadata{}
	m.Set("k", "v")
	if err := gguf.Write(&b, m, []formats.Tensor{{Name: "t", Type: formats.F32, Shape: []int64{3}}}, func(int) ([]byte, error) { return make([]byte, 12), nil }); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{0: "", -20: "", 7: "x has 7 bytes after its last tensor"} {
		data := append(bytes.Clone(b.Bytes()), make([]byte, max(n, 0))...)
		f, err := gguf.Parse("x", data[:b.Len()+n])
		if err != nil {
			t.Fatal(err)
		}
		r := &Result{}
		r.Shards(f)
		if got := strings.Join(texts(r), ""); got != want {
			t.Errorf("%d bytes more: %q", n, got)
		}
	}
	r := &Result{}
	r.Recorded(m, "k", "v", "M")
	r.Recorded(m, "k", "w", "M")
	r.Recorded(m, "none", "w", "M")
	if got := texts(r); len(got) != 2 || got[0] != "metadata key k is v, the hash of M is w" || !strings.HasPrefix(got[1], "metadata key none is missing") {
		t.Errorf("%q", got)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Model(ctx, load(t).open(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

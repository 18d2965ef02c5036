package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
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

// wide is a GGUF model with one tensor of several chunks, in which values are set.
func wide(t *testing.T, typ formats.Type, rows int64, set map[int][]byte) *checkpoint.Checkpoint {
	t.Helper()
	tensors := []formats.Tensor{{Name: "a.weight", Type: formats.F32, Shape: []int64{5}}, {Name: "b.weight", Type: typ, Shape: []int64{1024, rows}}}
	size, err := tensors[1].Bytes()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	for at, b := range set {
		copy(data[at:], b)
	}
	m := &gguf.Metadata{}
	m.Set("general.architecture", "other")
	var file bytes.Buffer
	if err := gguf.Write(&file, m, tensors, func(i int) ([]byte, error) { return [][]byte{make([]byte, 20), data}[i], nil }); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.gguf")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCheckFinite(t *testing.T) {
	nan, inf := []byte{0, 0, 0xc0, 0x7f}, []byte{0, 0, 0x80, 0xff}
	for name, tt := range map[string]struct {
		typ         formats.Type
		set         map[int][]byte
		row, column int64 // -1: all are finite
	}{
		"F32 first of several": {formats.F32, map[int][]byte{4*1024*1500 + 4*7: nan, 4 * 1024 * 2900: inf}, 1500, 7},
		"F32 last":             {formats.F32, map[int][]byte{4*1024*3000 - 4: inf}, 2999, 1023},
		"BF16":                 {formats.BF16, map[int][]byte{2*1024*2500 + 2*8: {0x80, 0x7f}}, 2500, 8},
		"F16":                  {formats.F16, map[int][]byte{2*1024*2999 + 2*9: {0, 0xfc}}, 2999, 9},
		"F16, a BF16 infinity": {formats.F16, map[int][]byte{2: {0x80, 0x7b}}, -1, 0},
		"Q8_0":                 {formats.Q8_0, map[int][]byte{34 * 32 * 2999: {0, 0x7e}, 34*32*2999 + 34*3: {0, 0x7c}}, 2999, 0},
		"Q6_K":                 {formats.Q6_K, map[int][]byte{210*4*1700 + 210*3 + 208: {0, 0x7c}}, 1700, 768},
		"none":                 {formats.BF16, nil, -1, 0},
	} {
		for _, threads := range []int{1, 3} {
			c := wide(t, tt.typ, 3000, tt.set)
			done, most := int64(0), int64(0)
			err := c.CheckFinite(context.Background(), checkpoint.ScanOptions{Pass: checkpoint.Pass{Threads: threads, Progress: func(d, total int64) { done, most = d, total }}})
			var bad *checkpoint.NotFiniteError
			if tt.row < 0 {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			} else if !errors.As(err, &bad) || !errors.Is(err, formats.ErrCorrupt) || bad.Tensor != "b.weight" || bad.Row != tt.row || bad.Column != tt.column {
				t.Errorf("%s: %v, want row %d, column %d", name, err, tt.row, tt.column)
			} else if v := float64(bad.Value); !math.IsNaN(v) && !math.IsInf(v, 0) {
				t.Errorf("%s: the value is %v", name, v)
			}
			if done != most || done == 0 {
				t.Errorf("%s: %d of %d bytes", name, done, most)
			}
		}
	}
}

// A model is read once: what one pass found out, the next call tells.
func TestScanReadsOnce(t *testing.T) {
	c := wide(t, formats.BF16, 3000, map[int][]byte{0: {0xc0, 0x7f}})
	hash, err := c.Hash()
	if err != nil {
		t.Fatal(err)
	}
	read := func(d, total int64) { t.Errorf("read again: %d of %d", d, total) }
	if err := c.CheckFinite(context.Background(), checkpoint.ScanOptions{Pass: checkpoint.Pass{Progress: read}}); err == nil {
		t.Error("NaN was not seen while hashing")
	}
	other := wide(t, formats.BF16, 3000, map[int][]byte{0: {0xc0, 0x7f}})
	if err := other.CheckFinite(context.Background(), checkpoint.ScanOptions{}); err == nil {
		t.Error("NaN was not seen")
	}
	if err := other.Scan(context.Background(), checkpoint.ScanOptions{Pass: checkpoint.Pass{Threads: 3}, Hash: true}); err != nil {
		t.Fatal(err)
	}
	if again, err := other.Hash(); err != nil || again != hash {
		t.Errorf("hash %s after a check (%v), %s without", again, err, hash)
	}
	for _, at := range []int{2, 2 * 1024 * 2999} { // in the first chunk and in the last
		changed := wide(t, formats.BF16, 3000, map[int][]byte{0: {0xc0, 0x7f}, 2 + at: {1}})
		if h, err := changed.Hash(); err != nil || h == hash {
			t.Errorf("a changed byte: hash %s, %v", h, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := wide(t, formats.F16, 3000, nil).CheckFinite(ctx, checkpoint.ScanOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Where rows are permuted, the place is that of the tensor as the artifact has it, the value the source's.
func TestCheckFinitePermuted(t *testing.T) {
	src := checkpointtest.Load(t, "llama")
	dir, data := src.Folder(t), src.Safetensors(t)
	f, err := safetensors.Parse("model.safetensors", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range f.Tensors {
		if strings.HasSuffix(st.Name, "layers.0.self_attn.q_proj.weight") {
			binary.LittleEndian.PutUint16(st.Data[2*(3*int(st.Shape[1])+5):], 0x7fc0)
		}
	}
	checkpointtest.WriteFile(t, dir, "model.safetensors", data)
	c, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var bad *checkpoint.NotFiniteError
	if err := c.CheckFinite(context.Background(), checkpoint.ScanOptions{}); !errors.As(err, &bad) {
		t.Fatal(err)
	}
	q, _ := c.Tensor(bad.Tensor)
	row := make([]float32, q.Cols())
	if err := q.Floats(row, bad.Row, 1); err != nil {
		t.Fatal(err)
	}
	if bad.Tensor != "blk.0.attn_q.weight" || bad.Column != 5 || bad.Row == 3 || !math.IsNaN(float64(row[5])) {
		t.Errorf("%v; the tensor holds %v there", bad, row[5])
	}
}

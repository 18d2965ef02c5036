package diff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/gguf"
)

// tensor is a tensor of a model under test.
type tensor struct {
	name  string
	typ   formats.Type
	shape []int64
	data  []byte
}

func f32(values ...float32) (b []byte) {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func open(t *testing.T, m *gguf.Metadata, tensors ...tensor) *checkpoint.Checkpoint {
	t.Helper()
	var infos []formats.Tensor
	for _, x := range tensors {
		infos = append(infos, formats.Tensor{Name: x.name, Type: x.typ, Shape: x.shape})
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, m, infos, func(i int) ([]byte, error) { return tensors[i].data, nil }); err != nil {
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

func meta(pairs ...any) *gguf.Metadata {
	m := &gguf.Metadata{}
	for i := 0; i < len(pairs); i += 2 {
		m.Set(pairs[i].(string), pairs[i+1])
	}
	return m
}

func models(t *testing.T, a, b *checkpoint.Checkpoint) *Difference {
	t.Helper()
	d, err := Models(context.Background(), a, b, checkpoint.Pass{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMetadata(t *testing.T) {
	nan := float32(math.NaN())
	a := open(t, meta("x", uint32(1), "only a", true, "list", []string{"p", "q", "r"}, "nan", nan, "scores", []float32{1, nan}, "typed", uint32(3), "nested", []any{[]int32{1}, []int32{2}}, "split.count", uint16(0)))
	b := open(t, meta("list", []string{"p", "Q"}, "x", uint32(1), "nan", nan, "scores", []float32{1, nan}, "typed", int32(3), "nested", []any{[]int32{1}, []int32{3}}, "only b", "s", "split.no", uint16(0)))
	d := models(t, a, b)
	want := []Key{{"list", []string{"p", "q", "r"}, []string{"p", "Q"}, 1}, {"typed", uint32(3), int32(3), -1}, {"nested", []any{[]int32{1}, []int32{2}}, []any{[]int32{1}, []int32{3}}, 1}}
	if !reflect.DeepEqual(d.KeysDiffer, want) {
		t.Errorf("differ: %v", d.KeysDiffer)
	}
	if !reflect.DeepEqual(d.KeysOnlyA, []string{"only a"}) || !reflect.DeepEqual(d.KeysOnlyB, []string{"only b"}) || d.Keys != 6 {
		t.Errorf("only: %v, %v; %d common", d.KeysOnlyA, d.KeysOnlyB, d.Keys)
	}
	if d.KeyOrder == nil || *d.KeyOrder != (Swap{0, "x", "list"}) {
		t.Errorf("order: %v", d.KeyOrder)
	}
	if d.Equal() || !models(t, a, a).Equal() {
		t.Error("equal means nothing")
	}
}

func TestValues(t *testing.T) {
	inf := float32(math.Inf(1))
	a := open(t, meta("k", true),
		tensor{"same", formats.F32, []int64{2}, f32(1, 2)},
		tensor{"far", formats.F32, []int64{2, 2}, f32(3, 4, 0, 0)},
		tensor{"type", formats.F32, []int64{2}, f32(1, 0.5)},
		tensor{"zero", formats.F32, []int64{1}, f32(0)},
		tensor{"sign", formats.F32, []int64{1}, f32(0)},
		tensor{"shape", formats.F32, []int64{2, 2}, f32(1, 2, 3, 4)},
		tensor{"gone", formats.F32, []int64{1}, f32(1)},
		tensor{"inf", formats.F32, []int64{3}, f32(inf, inf, 1)},
		tensor{"int", formats.I8, []int64{2}, []byte{1, 2}})
	b := open(t, meta("k", true),
		tensor{"far", formats.F32, []int64{2, 2, 1}, f32(3, 4, 0, 2.5)},
		tensor{"same", formats.F32, []int64{2}, f32(1, 2)},
		tensor{"type", formats.BF16, []int64{2}, []byte{0x80, 0x3f, 0, 0x3f}},
		tensor{"zero", formats.F32, []int64{1}, f32(1)},
		tensor{"sign", formats.F32, []int64{1}, f32(float32(math.Copysign(0, -1)))},
		tensor{"shape", formats.F32, []int64{4}, f32(1, 2, 3, 4)},
		tensor{"new", formats.F32, []int64{1}, f32(1)},
		tensor{"inf", formats.F32, []int64{3}, f32(inf, 1, 3)},
		tensor{"int", formats.I8, []int64{2}, []byte{1, 3}})
	d := models(t, a, b)
	if d.Tensors != 8 || !reflect.DeepEqual(d.TensorsOnlyA, []string{"gone"}) || !reflect.DeepEqual(d.TensorsOnlyB, []string{"new"}) {
		t.Errorf("%d common, only %v, %v", d.Tensors, d.TensorsOnlyA, d.TensorsOnlyB)
	}
	if d.TensorOrder == nil || *d.TensorOrder != (Swap{0, "same", "far"}) {
		t.Errorf("order: %v", d.TensorOrder)
	}
	nan := math.NaN()
	want := map[string]Tensor{
		"far":   {Bytes: true, Value: Values{true, 1, 0, 2.5, 0.5, 25 / math.Sqrt(25*31.25)}},
		"type":  {Value: Values{true, 0, 0, 0, 0, 1}},
		"zero":  {Bytes: true, Value: Values{true, 1, 0, 1, nan, nan}},
		"sign":  {Bytes: true, Value: Values{true, 0, 0, 0, 0, 1}},
		"shape": {Shape: true},
		"inf":   {Bytes: true, Value: Values{true, 2, 2, 2, 2, 1}},
		"int":   {Bytes: true, Value: Values{false, 0, 0, 0, 0, 1}},
	}
	if len(d.TensorsDiffer) != len(want) {
		t.Errorf("%d tensors differ, want %d", len(d.TensorsDiffer), len(want))
	}
	near := func(x, y float64) bool { return x == y || math.Abs(x-y) < 1e-12 || math.IsNaN(x) && math.IsNaN(y) }
	for _, g := range d.TensorsDiffer {
		w, v, u := want[g.Name], g.Value, want[g.Name].Value
		if g.Shape != w.Shape || g.Bytes != w.Bytes || v.Known != u.Known || v.Differing != u.Differing || v.NotFinite != u.NotFinite ||
			!near(v.MaxAbs, u.MaxAbs) || !near(v.Relative, u.Relative) || !near(v.Cosine, u.Cosine) {
			t.Errorf("%s: %+v, want %+v", g.Name, g, w)
		}
	}
}

// A folder whose rows of Q and K are permuted on reading, against the file with these rows stored; in pieces smaller
// than the tensors, with a single value changed at the end of the last.
func TestFolderAgainstFile(t *testing.T) {
	c, err := checkpoint.Open(checkpointtest.Load(t, "llama").Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var list []tensor
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
		list = append(list, tensor{x.Name, x.Type, x.Shape, data})
	}
	if d := models(t, c, open(t, c.Metadata, list...)); !d.Equal() {
		t.Errorf("the stored rows differ from those read through: %+v", d)
	}
	last := list[len(list)-1]
	last.data[len(last.data)-1] ^= 0x80 // the sign
	d := models(t, c, open(t, c.Metadata, list...))
	if len(d.TensorsDiffer) != 1 || d.TensorsDiffer[0].Name != last.name || d.TensorsDiffer[0].Value.Differing != 1 {
		t.Errorf("one sign: %+v", d.TensorsDiffer)
	}
}

func TestInterrupted(t *testing.T) {
	a := open(t, meta("k", true), tensor{"t", formats.F32, []int64{2}, f32(1, 2)})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Models(ctx, a, a, checkpoint.Pass{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

package gguf

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
)

// TestWriteBytes compares the writer with a file built byte by byte.
func TestWriteBytes(t *testing.T) {
	f := mustParse(t, small())
	var b bytes.Buffer
	err := Write(&b, f.Metadata, describe(f), func(i int) ([]byte, error) { return f.Tensors[i].Data, nil })
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), small()) {
		t.Errorf("got\n%x\nwant\n%x", b.Bytes(), []byte(small()))
	}
}

func TestLayout(t *testing.T) {
	m := &Metadata{}
	m.Set(keyAlignment, uint32(256))
	tensors := []formats.Tensor{
		{Name: "a", Type: formats.Q4_K, Shape: []int64{512, 3}},     // 864 bytes
		{Name: "b", Type: formats.F32, Shape: nil},                  // 4
		{Name: "c", Type: formats.BF16, Shape: []int64{128, 1, 1}},  // 256
		{Name: "d", Type: formats.F16, Shape: []int64{2, 1, 2, 1}},  // 8
		{Name: "e", Type: formats.F32, Shape: []int64{4, 0}},        // 0
		{Name: "f", Type: formats.I8, Shape: []int64{1, 2, 1, 257}}, // 514
	}
	var b bytes.Buffer
	l, err := WriteHeader(&b, m, tensors)
	if err != nil {
		t.Fatal(err)
	}
	h := int64(512)
	want := &Layout{HeaderBytes: h, Sizes: []int64{864, 4, 256, 8, 0, 514},
		Offsets: []int64{h, h + 1024, h + 1280, h + 1536, h + 1792, h + 1792}, FileBytes: h + 1792 + 768}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
	if int64(b.Len()) != h {
		t.Errorf("%d bytes of header", b.Len())
	}
	if again, err := NewLayout(m, tensors); err != nil || !reflect.DeepEqual(again, l) {
		t.Errorf("NewLayout: %+v, %v", again, err)
	}
	f := mustParse(t, append(b.Bytes(), make([]byte, l.FileBytes-h)...))
	var shapes [][]int64
	for _, x := range f.Tensors {
		shapes = append(shapes, x.Shape)
	}
	if want := [][]int64{{512, 3}, {1}, {128}, {2, 1, 2}, {4, 0}, {1, 2, 1, 257}}; !reflect.DeepEqual(shapes, want) {
		t.Errorf("shapes as stored %v, want %v", shapes, want)
	}
}

func TestWriteRefuses(t *testing.T) {
	meta := func(key string, v any) *Metadata {
		m := &Metadata{}
		m.Set(key, v)
		return m
	}
	shape := func(typ formats.Type, s ...int64) []formats.Tensor {
		return []formats.Tensor{{Name: "t", Type: typ, Shape: s}}
	}
	var deep any = []string{"x"}
	for range maxDepth {
		deep = []any{deep}
	}
	for _, c := range []struct {
		name    string
		m       *Metadata
		tensors []formats.Tensor
		says    string
	}{
		{"Go type", meta("k", 1), nil, "key k: no GGUF type corresponds to the Go type int"},
		{"slice type", meta("k", []int{1}), nil, "the Go type []int"},
		{"nil", meta("k", nil), nil, "key k"},
		{"scalar in an array of arrays", meta("k", []any{"x"}), nil, "string, which is not an array"},
		{"deep arrays", meta("k", deep), nil, "deeper"},
		{"empty key", meta("", "x"), nil, "key"},
		{"long key", meta(strings.Repeat("k", 1<<16), "x"), nil, "65535"},
		{"alignment", meta(keyAlignment, uint32(24)), nil, "power of two"},
		{"alignment type", meta(keyAlignment, int32(32)), nil, "i32, not u32"},
		{"long name", nil, []formats.Tensor{{Name: strings.Repeat("n", 64)}}, "63"},
		{"name twice", nil, append(shape(0, 1), shape(0, 1)...), "occur once"},
		{"unknown type", nil, shape(99, 1), "tensor t: not supported"},
		{"part of a block", nil, shape(formats.Q6_K, 100), "100 values"},
		{"negative", nil, shape(0, -1), "shape [-1]"},
		{"overflow", nil, shape(0, 1<<31, 1<<31, 1<<31), "shape"},
		{"file size", nil, []formats.Tensor{{Name: "a", Type: formats.F64, Shape: []int64{1 << 59}}, {Name: "b", Type: formats.F64, Shape: []int64{1 << 59}}}, "2^63"},
		{"five dimensions", nil, shape(0, 1, 1, 1, 1, 2), "5 dimensions"},
	} {
		if _, err := WriteHeader(io.Discard, c.m, c.tensors); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want an error that says %q", c.name, err, c.says)
		}
	}
	short := func(int) ([]byte, error) { return make([]byte, 3), nil }
	if err := Write(io.Discard, nil, shape(0, 1), short); err == nil || !strings.Contains(err.Error(), "3 bytes of data") {
		t.Errorf("short data: %v", err)
	}
	failing := func(int) ([]byte, error) { return nil, io.ErrNoProgress }
	if err := Write(io.Discard, nil, shape(0, 1), failing); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("failing data: %v", err)
	}
}

package imatrix

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
	"bitmill/formats/gguf"
)

// TestLegacyPeer compares the legacy and the GGUF file of one run of llama-imatrix.
func TestLegacyPeer(t *testing.T) {
	old, now := mustOpen(t, "tiny.dat"), mustOpen(t, "tiny.imatrix.gguf")
	if !old.Legacy || now.Legacy || old.Windows != 5 || now.Windows != 5 || old.WindowSize != 0 || !reflect.DeepEqual(old.Datasets, now.Datasets) {
		t.Errorf("%d chunks of %q, %d of %q", old.Windows, old.Datasets, now.Windows, now.Datasets)
	}
	if len(old.Entries) != 7 || len(now.Entries) != 7 {
		t.Fatalf("%d and %d entries", len(old.Entries), len(now.Entries))
	}
	for i := range old.Entries {
		a, b := &old.Entries[i], &now.Entries[i]
		if a.Name != b.Name || len(a.SumSquares) != len(b.SumSquares) {
			t.Fatalf("%s and %s", a.Name, b.Name)
		}
		v := b.Weights()
		for j, x := range a.Weights() {
			if math.Abs(float64(x-v[j])) > 1e-6*float64(v[j]) { // the old layout rounds twice more
				t.Fatalf("%s: column %d is %v, %v in GGUF", a.Name, j, x, v[j])
			}
		}
	}
}

// legacy builds a .dat by its layout; each entry is name, calls, values.
type legacy []byte

func (l legacy) i32(v int32) legacy { return binary.LittleEndian.AppendUint32(l, uint32(v)) }
func (l legacy) entry(name string, calls int32, v ...float32) legacy {
	l = append(l.i32(int32(len(name))), name...).i32(calls).i32(int32(len(v)))
	for _, x := range v {
		l = binary.LittleEndian.AppendUint32(l, math.Float32bits(x))
	}
	return l
}

func TestLegacy(t *testing.T) {
	body := legacy{}.i32(3).entry("c", 4, 2, 8).entry("a", 0, 3).entry("b", -1, 5)
	full := append(body.i32(7).i32(2), "x.txt"[:2]...)
	want := []Entry{{"a", []float32{3}, []float32{1}}, {"b", []float32{5}, []float32{1}}, {"c", []float32{2, 8}, []float32{4}}}
	m, err := Parse("x.dat", full)
	if err != nil || !reflect.DeepEqual(m.Entries, want) || m.Windows != 7 || !reflect.DeepEqual(m.Datasets, []string{"x."}) {
		t.Errorf("%+v, %v", m, err)
	}
	c, _ := m.Entry("c")
	if w := c.Weights(); !reflect.DeepEqual(w, []float32{0.5, 2}) {
		t.Errorf("weights %v", w)
	}
	// Without the optional end; cut anywhere else, it is corrupt.
	for n := range full {
		m, err := Parse("x.dat", full[:n])
		if n == len(body) {
			if err != nil || !reflect.DeepEqual(m.Entries, want) || m.Windows != 0 {
				t.Errorf("without the end: %+v, %v", m, err)
			}
		} else if !errors.Is(err, formats.ErrCorrupt) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	// Written as GGUF, llama-quantize would compute the same weights.
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("x.gguf", b)
	if err != nil || !reflect.DeepEqual(again.Entries, want) {
		t.Errorf("as GGUF: %+v, %v", again, err)
	}
}

func TestLegacyMalformed(t *testing.T) {
	for name, b := range map[string]legacy{
		"empty":                 {},
		"no entries":            legacy{}.i32(0),
		"negative entries":      legacy{}.i32(-1),
		"more entries":          legacy{}.i32(1<<30).entry("a", 1, 1),
		"negative name":         legacy{}.i32(1).i32(-1).i32(1).i32(1),
		"long name":             legacy{}.i32(1).i32(1 << 30).i32(1),
		"no values":             legacy{}.i32(1).entry("a", 1),
		"negative values":       append(legacy{}.i32(1).i32(1), 'a').i32(1).i32(-1),
		"values beyond the end": append(legacy{}.i32(1).i32(1), 'a').i32(1).i32(1 << 30).i32(0),
		"entry twice":           legacy{}.i32(2).entry("a", 1, 1).entry("a", 1, 1),
		"negative chunks":       legacy{}.i32(1).entry("a", 1, 1).i32(-1).i32(0),
		"negative dataset":      legacy{}.i32(1).entry("a", 1, 1).i32(1).i32(-1),
		"text":                  legacy("Once upon a time there was"),
	} {
		if _, err := Parse("x.dat", b); !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), "x.dat") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGGUFMalformed(t *testing.T) {
	f32 := func(name string, n int64) formats.Tensor {
		return formats.Tensor{Name: name, Type: formats.F32, Shape: []int64{n}}
	}
	good := []formats.Tensor{f32("a.in_sum2", 4), f32("a.counts", 2)}
	meta := func(key string, v any) *gguf.Metadata {
		m := &gguf.Metadata{}
		m.Set(key, v)
		return m
	}
	for _, c := range []struct {
		name    string
		m       *gguf.Metadata
		tensors []formats.Tensor
		is      error // nil: good
		says    string
	}{
		{"good", nil, good, nil, ""},
		{"no counts", nil, good[:1], formats.ErrCorrupt, "tensor a.in_sum2: there is no a.counts"},
		{"no sums", nil, append([]formats.Tensor{f32("b.counts", 1)}, good...), formats.ErrCorrupt, "tensor b.counts: there is no b.in_sum2"},
		{"uneven", nil, []formats.Tensor{f32("a.in_sum2", 5), f32("a.counts", 2)}, formats.ErrCorrupt, "5 sums for 2 counts"},
		{"empty", nil, []formats.Tensor{f32("a.in_sum2", 0), f32("a.counts", 2)}, formats.ErrCorrupt, "0 sums for 2 counts"},
		{"F16", nil, []formats.Tensor{{Name: "a.in_sum2", Type: formats.F16, Shape: []int64{4}}, good[1]}, formats.ErrUnsupported, "must be F32"},
		{"F16 counts", nil, []formats.Tensor{good[0], {Name: "a.counts", Type: formats.F16, Shape: []int64{4}}}, formats.ErrUnsupported, "must be F32"},
		{"a model", meta(keyType, "model"), []formats.Tensor{f32("output.weight", 1)}, formats.ErrUnsupported, `type "model" without`},
		{"datasets", meta(keyDatasets, "x"), good, formats.ErrCorrupt, keyDatasets},
		{"chunks", meta(keyChunks, int32(-1)), good, formats.ErrCorrupt, keyChunks},
		{"chunk size", meta(keyChunkSize, uint64(1<<40)), good, formats.ErrCorrupt, keyChunkSize},
	} {
		var b bytes.Buffer
		err := gguf.Write(&b, c.m, c.tensors, func(i int) ([]byte, error) {
			n, err := c.tensors[i].Bytes()
			return make([]byte, n), err
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse("x.gguf", b.Bytes())
		if (c.is == nil && err != nil) || (c.is != nil && (!errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says))) {
			t.Errorf("%s: %v; want %v that says %q", c.name, err, c.is, c.says)
		}
	}
	if _, err := Open("testdata/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestIgnored(t *testing.T) {
	tensors := []formats.Tensor{
		{Name: "a.in_sum2", Shape: []int64{1}}, {Name: "a.in_sum", Shape: []int64{1}}, {Name: "a.counts", Shape: []int64{1}},
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, nil, tensors, func(int) ([]byte, error) { return make([]byte, 4), nil }); err != nil {
		t.Fatal(err)
	}
	m, err := Parse("x.gguf", b.Bytes())
	if err != nil || !reflect.DeepEqual(m.Ignored, []string{"a.in_sum"}) || len(m.Entries) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// FuzzParse: no input panics, and what is accepted and sound is written and read again unchanged.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"tiny.imatrix.gguf", "tiny.dat"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(legacy{}.i32(1).entry("a", 1, 1).i32(1).i32(0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse("fuzz", data)
		if err != nil {
			return
		}
		m.Coverage()
		b, err := m.Encode()
		if err != nil {
			return // NaN, a name beyond GGUF's limit
		}
		again, err := Parse("fuzz", b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again.Entries, m.Entries) || again.Windows != m.Windows || len(again.Datasets) != len(m.Datasets) {
			t.Fatalf("%+v, then %+v", m, again)
		}
	})
}

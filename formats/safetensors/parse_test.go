package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
)

// build makes a file from a header and n bytes of data that count up from 0.
func build(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}

func TestParse(t *testing.T) {
	// The order of the header is not that of the data.
	b := build(`{"b":{"dtype":"BF16","shape":[2,2],"data_offsets":[4,12],"more":[1]}, "__metadata__":{"format":"pt"},
		"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"z":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]}}   `, 12)
	f, err := Parse("x", b)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(len(b) - 12)
	want := []Tensor{
		{"a", "F32", []int64{}, "x", at, []byte{0, 1, 2, 3}},
		{"z", "F32", []int64{3, 0}, "x", at + 4, []byte{}},
		{"b", "BF16", []int64{2, 2}, "x", at + 4, []byte{4, 5, 6, 7, 8, 9, 10, 11}},
	}
	if !reflect.DeepEqual(f.Tensors, want) {
		t.Errorf("got  %+v\nwant %+v", f.Tensors, want)
	}
	if !reflect.DeepEqual(f.Metadata, map[string]string{"format": "pt"}) {
		t.Errorf("metadata %v", f.Metadata)
	}
	if want[0].Elements() != 1 || want[1].Elements() != 0 || want[2].Elements() != 4 {
		t.Error("elements")
	}
	if f, err := Parse("x", build("{}", 0)); err != nil || len(f.Tensors) != 0 {
		t.Errorf("an empty file: %+v, %v", f, err)
	}
}

// TestParsePeer reads testdata/peer.safetensors, written by Hugging Face's library with testdata/make_peer.py, and
// writes it again.
func TestParsePeer(t *testing.T) {
	data, err := os.ReadFile("testdata/peer.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse("peer", data)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors) != 23 || f.Metadata["note"] != "<made> & kept" {
		t.Errorf("%d tensors, metadata %q", len(f.Tensors), f.Metadata)
	}
	seen := map[string]bool{}
	for _, x := range f.Tensors {
		seen[x.DType] = true
		for j, v := range x.Data {
			if int(v) != j {
				t.Fatalf("%s: byte %d is %d", x.Name, j, v)
			}
		}
	}
	for d := range dtypeBits {
		if !seen[d] && !strings.HasPrefix(d, "F6") {
			t.Errorf("no tensor of dtype %s", d)
		}
	}
	var b bytes.Buffer
	if err := Write(&b, f.Tensors, f.Metadata); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), data) {
		t.Errorf("written again, the bytes differ:\n%q\n%q", b.Bytes()[:300], data[:300])
	}
	for n := range data {
		if _, err := Parse("cut", data[:n]); !errors.Is(err, formats.ErrCorrupt) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	one := func(dtype, shape, offsets string, n int) []byte {
		return build(`{"t":{"dtype":"`+dtype+`","shape":`+shape+`,"data_offsets":`+offsets+`}}`, n)
	}
	two := func(a, b string) []byte {
		return build(`{"a":{"dtype":"U8","shape":[4],"data_offsets":`+a+`},"b":{"dtype":"U8","shape":[4],"data_offsets":`+b+`}}`, 8)
	}
	for _, c := range []struct {
		name string
		file []byte
		says string
	}{
		{"empty file", nil, "fewer than 8"},
		{"header beyond the file", build("{}", 0)[:9], "2 bytes are claimed, 1 follow"},
		{"header of 2^64-1", append(bytes.Repeat([]byte{255}, 8), "{}"...), "18446744073709551615 bytes are claimed"},
		{"git lfs", []byte("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"},
		{"no header", build("", 0), "not a JSON object"},
		{"array", build("[]", 0), "not a JSON object"},
		{"leading space", build(" {}", 0), "not a JSON object"},
		{"not UTF-8", build("{\"\xff\":1}", 0), "UTF-8"},
		{"half an object", build(`{"t":`, 0), "unexpected EOF"},
		{"open object", build(`{`, 0), "unexpected EOF"},
		{"number as key", build(`{1:2}`, 0), "header"},
		{"two objects", build(`{}{}`, 0), "follows"},
		{"tensor is a number", build(`{"t":1}`, 0), "tensor t"},
		{"tensor is null", build(`{"t":null}`, 0), "are needed"},
		{"metadata is a list", build(`{"__metadata__":[]}`, 0), "__metadata__"},
		{"metadata holds numbers", build(`{"__metadata__":{"a":1}}`, 0), "__metadata__"},
		{"name twice", build(`{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), "occurs twice"},
		{"name twice, escaped", build(`{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0074":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), "occurs twice"},
		{"no shape", build(`{"t":{"dtype":"U8","data_offsets":[0,1]}}`, 1), "are needed"},
		{"no offsets", build(`{"t":{"dtype":"U8","shape":[1]}}`, 1), "are needed"},
		{"three offsets", one("U8", "[1]", "[0,1,1]", 1), "are needed"},
		{"negative offset", one("U8", "[1]", "[-1,0]", 1), "tensor t"},
		{"offset above uint64", one("U8", "[1]", "[0,18446744073709551616]", 1), "tensor t"},
		{"fraction", one("U8", "[1.5]", "[0,1]", 1), "tensor t"},
		{"negative dimension", one("U8", "[-1]", "[0,1]", 1), "negative"},
		{"two negative dimensions", one("U8", "[-1,-1]", "[0,1]", 1), "negative"},
		{"overflow", one("U8", "[4294967296,4294967296]", "[0,0]", 0), "larger than any file"},
		{"overflow to 0", one("U8", "[4294967296,4294967296,4294967296,0]", "[0,0]", 0), "larger than any file"},
		{"half a byte", one("F4", "[3]", "[0,1]", 1), "whole number of bytes"},
		{"end before begin", one("U8", "[1]", "[1,0]", 1), "begins at 1 and ends at 0"},
		{"beyond the file", one("U8", "[2]", "[0,2]", 1), "cut short"},
		{"beyond 2^63", one("U8", "[2]", "[9223372036854775808,9223372036854775810]", 1), "cut short"},
		{"size differs", one("F32", "[2]", "[0,4]", 4), "takes 8 bytes, its data_offsets span 4"},
		{"overlap", two("[0,4]", "[3,7]"), "tensor b: its data begins at 3, within the tensor before it"},
		{"same place", two("[0,4]", "[0,4]"), "within the tensor before it"},
		{"hole", build(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}}`, 8), "tensors before it end at 4"},
		{"bytes at the end", one("U8", "[1]", "[0,1]", 2), "1 bytes follow the last tensor"},
	} {
		_, err := Parse("bad", c.file)
		if !errors.Is(err, formats.ErrCorrupt) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want an error that says %q", c.name, err, c.says)
		}
	}
	if _, err := Parse("bad", one("Q4", "[2]", "[0,1]", 1)); !errors.Is(err, formats.ErrUnsupported) || !strings.Contains(err.Error(), `tensor t: not supported: dtype "Q4"`) {
		t.Errorf("unknown dtype: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, list := range map[string][]Tensor{
		"name twice":   {{Name: "a", DType: "U8", Data: []byte{1}}, {Name: "a", DType: "U8", Data: []byte{1}}},
		"metadata key": {{Name: "__metadata__", DType: "U8", Data: []byte{1}}},
		"size":         {{Name: "a", DType: "F32", Shape: []int64{2}, Data: make([]byte, 4)}},
		"dtype":        {{Name: "a", DType: "Q4", Data: make([]byte, 4)}},
		"shape":        {{Name: "a", DType: "U8", Shape: []int64{-1}}},
	} {
		if err := Write(&bytes.Buffer{}, list, nil); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

// FuzzParse: no input panics, and what is accepted is written and read again unchanged.
func FuzzParse(f *testing.F) {
	peer, err := os.ReadFile("testdata/peer.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(peer)
	f.Add(build(`{}`, 0))
	f.Add(build(`{"t":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},"e":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz", data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, file.Tensors, file.Metadata); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := Parse("fuzz", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Tensors) != len(file.Tensors) {
			t.Fatalf("%d tensors, then %d", len(file.Tensors), len(again.Tensors))
		}
		for i, x := range file.Tensors {
			y := again.Tensors[i]
			if x.Name != y.Name || x.DType != y.DType || !bytes.Equal(x.Data, y.Data) || !reflect.DeepEqual(x.Shape, y.Shape) {
				t.Fatalf("%+v, then %+v", x, y)
			}
		}
	})
}

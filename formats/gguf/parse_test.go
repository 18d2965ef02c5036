package gguf

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"bitmill/formats"
)

func TestParseSmall(t *testing.T) {
	f := mustParse(t, small())
	if got, want := f.Metadata.Keys(), []string{"general.architecture", "n", "list", "nested"}; !reflect.DeepEqual(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
	for key, want := range map[string]any{
		"general.architecture": "test", "n": uint32(7), "list": []string{"a", "bc"},
		"nested": []any{[]int32{-1}, []string{}},
	} {
		if got, ok := f.Metadata.Get(key); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", key, got, want)
		}
	}
	v, ok := f.Tensor("v")
	if !ok || v.Type != formats.F32 || !reflect.DeepEqual(v.Shape, []int64{3}) {
		t.Fatalf("v: %+v", v)
	}
	if !bytes.Equal(v.Data, []byte{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}) {
		t.Errorf("v: data %v", v.Data)
	}
	m := f.Tensors[0]
	if len(m.Data) != 68 || m.Data[0] != 1 || m.Offset != f.Shards[0].HeaderBytes || v.Offset != m.Offset+96 {
		t.Errorf("m: %d bytes at %d; v at %d", len(m.Data), m.Offset, v.Offset)
	}
	if _, ok := f.Tensor("w"); ok {
		t.Error("a tensor w was found")
	}
}

// TestParseVariants lists files that differ from the usual and are still good.
func TestParseVariants(t *testing.T) {
	last := bytes.TrimRight(small(), "\x00")
	for name, b := range map[string][]byte{
		"version 2":             append(start(2, 0, 1), small()[24:24+20+8+4+8+4]...),
		"nothing":               start(3, 0, 0),
		"no final padding":      last,
		"something at the end":  append(small(), 1, 2, 3),
		"scalar":                start(3, 1, 0).info("s", formats.F32, 0).data(0, 4),
		"empty tensor":          start(3, 1, 0).info("e", formats.F32, 0, 0, 3).pad(32),
		"alignment 1":           start(3, 1, 1).str(keyAlignment).u32(4).u32(1).info("s", formats.I8, 0, 1).u8(5),
		"alignment 2^31, empty": start(3, 0, 1).str(keyAlignment).u32(4).u32(1 << 31),
		"a name of 63 bytes":    start(3, 1, 0).info(strings.Repeat("n", 63), formats.F32, 0, 1).data(0, 4),
	} {
		if _, err := Parse("test.gguf", b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestParsePeer reads testdata/peer.gguf, written by gguf-py with testdata/make_peer.py, and writes it again.
func TestParsePeer(t *testing.T) {
	data, err := os.ReadFile("testdata/peer.gguf")
	if err != nil {
		t.Fatal(err)
	}
	f := mustParse(t, data)
	want := []struct {
		key   string
		value any
	}{
		{"general.architecture", "peer"}, {keyAlignment, uint32(64)},
		{"u8", uint8(255)}, {"i8", int8(-128)}, {"u16", uint16(65535)}, {"i16", int16(-32768)},
		{"u32", uint32(4294967295)}, {"i32", int32(-2147483648)}, {"f32", float32(0.1)}, {"bool", true},
		{"str", "zwölf 🦆"}, {"u64", uint64(18446744073709551615)}, {"i64", int64(-9223372036854775808)}, {"f64", 0.1},
		{"array.u8", []uint8{0, 255}}, {"array.i8", []int8{-128, 127}}, {"array.u16", []uint16{1, 65535}},
		{"array.i16", []int16{-1, 32767}}, {"array.u32", []uint32{1, 4294967295}}, {"array.i32", []int32{-1, 2147483647}},
		{"array.f32", []float32{0.5, -1e30}}, {"array.bool", []bool{true, false, true}}, {"array.str", []string{"", "a", "bc"}},
		{"array.u64", []uint64{0, 18446744073709551615}}, {"array.i64", []int64{-1}}, {"array.f64", []float64{1e300}},
		{"array.array", []any{[]string{"x"}, []string{"y", "z"}}},
	}
	if f.Metadata.Len() != len(want) {
		t.Errorf("%d keys, want %d", f.Metadata.Len(), len(want))
	}
	for i, w := range want {
		if got, _ := f.Metadata.Get(w.key); f.Metadata.keys[i] != w.key || !reflect.DeepEqual(got, w.value) {
			t.Errorf("key %d %s: %#v, want %s: %#v", i, f.Metadata.keys[i], got, w.key, w.value)
		}
	}
	if f.Alignment != 64 {
		t.Errorf("alignment %d", f.Alignment)
	}
	checkPeerTensors(t, f)
	var b bytes.Buffer
	if err := Write(&b, f.Metadata, describe(f), func(i int) ([]byte, error) { return f.Tensors[i].Data, nil }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), data) {
		t.Error("written again, the bytes differ")
	}
}

// checkPeerTensors: of every type two rows of a block (of three values for plain numbers), bytes counting up from the
// type's id; then a vector and a cube.
func checkPeerTensors(t *testing.T, f *File) {
	t.Helper()
	for i, info := range formats.Types() {
		got := f.Tensors[i]
		if got.Name != "type."+info.Name || got.Type != info.Type || got.Rows() != 2 {
			t.Fatalf("tensor %d: %+v, want %s", i, got.Tensor, info.Name)
		}
		n := 2 * info.Bytes
		if info.Block == 1 {
			n *= 3
		}
		if len(got.Data) != n || got.Offset%64 != 0 {
			t.Errorf("%s: %d bytes at %d, want %d", got.Name, len(got.Data), got.Offset, n)
		}
		for j, x := range got.Data {
			if x != byte(j+int(info.Type)) {
				t.Fatalf("%s: byte %d is %d", got.Name, j, x)
			}
		}
	}
	cube, _ := f.Tensor("cube")
	if cube == nil || !reflect.DeepEqual(cube.Shape, []int64{4, 3, 2}) || len(f.Tensors) != len(formats.Types())+2 {
		t.Errorf("cube: %+v of %d tensors", cube, len(f.Tensors))
	}
}

// TestTruncated cuts good files at every byte: always an ErrCorrupt, never a panic.
func TestTruncated(t *testing.T) {
	peer, err := os.ReadFile("testdata/peer.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"small": small(), "peer": peer} {
		f := mustParse(t, b)
		last := f.Tensors[len(f.Tensors)-1]
		for n := range int(last.Offset) + len(last.Data) {
			if _, err := Parse("cut.gguf", b[:n]); !errors.Is(err, formats.ErrCorrupt) {
				t.Fatalf("%s cut at %d of %d: %v", name, n, len(b), err)
			}
		}
	}
}

// TestMalformed lists what must be refused, with what the error has to say.
func TestMalformed(t *testing.T) {
	one := func() raw { return start(3, 1, 0) }
	key := func(typ uint32) raw { return start(3, 0, 1).str("k").u32(typ) }
	deep := key(9)
	for range 9 {
		deep = deep.u32(9).u64(1)
	}
	deep = deep.u32(0).u64(0)
	tests := []struct {
		name string
		file raw
		is   error
		says string
	}{
		{"empty file", nil, formats.ErrCorrupt, "magic"},
		{"other magic", append(raw("GGJT"), small()[4:]...), formats.ErrCorrupt, `"GGJT" is not GGUF`},
		{"git lfs", raw("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), formats.ErrCorrupt, "git lfs pull"},
		{"version 0", start(0, 0, 0), formats.ErrUnsupported, "version 0"},
		{"version 1", start(1, 0, 0), formats.ErrUnsupported, "version 1"},
		{"version 4", start(4, 0, 0), formats.ErrUnsupported, "version 4"},
		{"big endian", start(3<<24, 0, 0), formats.ErrUnsupported, "big-endian"},
		{"tensors beyond the file", start(3, 1<<40, 0), formats.ErrCorrupt, "number of tensors"},
		{"tensors above int64", start(3, 1<<63, 0), formats.ErrCorrupt, "number of tensors"},
		{"keys beyond the file", start(3, 0, 1<<62), formats.ErrCorrupt, "number of metadata keys"},
		{"empty key", start(3, 0, 1).str("").u32(0).u8(0).u8(0), formats.ErrCorrupt, "empty"},
		{"key twice", start(3, 0, 2).str("k").u32(0).u8(0).str("k").u32(0).u8(0), formats.ErrCorrupt, `"k" occurs twice`},
		{"key too long", append(start(3, 0, 1).u64(1<<16), make(raw, 1<<17)...), formats.ErrCorrupt, "limit of 65535"},
		{"key beyond the file", start(3, 0, 1).u64(1000).u64(0), formats.ErrCorrupt, "1000 bytes are needed, 8 are left"},
		{"type 13", key(13).u64(0), formats.ErrCorrupt, "metadata type 13"},
		{"array of type 99", key(9).u32(99).u64(0), formats.ErrCorrupt, "metadata type 99"},
		{"string length above int64", key(8).u64(1 << 63), formats.ErrCorrupt, "limit"},
		{"string beyond the file", key(8).u64(9).u64(0), formats.ErrCorrupt, "9 bytes are needed"},
		{"array beyond the file", key(9).u32(6).u64(3).u64(0), formats.ErrCorrupt, "3 are claimed, the 8 bytes left hold at most 2"},
		{"array count overflows", key(9).u32(10).u64(1 << 61).u64(0), formats.ErrCorrupt, "are claimed"},
		{"strings beyond the file", key(9).u32(8).u64(1 << 40).u64(0), formats.ErrCorrupt, "are claimed"},
		{"string in array beyond the file", key(9).u32(8).u64(2).str("a").u64(1), formats.ErrCorrupt, "1 bytes are needed, 0 are left"},
		{"bool 2", key(7).u8(2), formats.ErrCorrupt, "bool is stored as 2"},
		{"bool 3 in array", key(9).u32(7).u64(1).u8(3), formats.ErrCorrupt, "bool is stored as 3"},
		{"arrays too deep", deep, formats.ErrCorrupt, "deeper"},
		{"alignment 0", start(3, 0, 1).str(keyAlignment).u32(4).u32(0), formats.ErrCorrupt, "power of two"},
		{"alignment 48", start(3, 0, 1).str(keyAlignment).u32(4).u32(48), formats.ErrCorrupt, "48 is not a power of two"},
		{"alignment u64", start(3, 0, 1).str(keyAlignment).u32(10).u64(32), formats.ErrCorrupt, "u64, not u32"},
		{"tensor twice", start(3, 2, 0).info("a", 0, 0, 1).info("a", 0, 32, 1).data(0, 4).data(0, 4), formats.ErrCorrupt, "tensor a: the name occurs twice"},
		{"name of 64 bytes", one().info(strings.Repeat("n", 64), 0, 0, 1).data(0, 4), formats.ErrCorrupt, "longer than 63"},
		{"five dimensions", one().info("t", 0, 0, 1, 1, 1, 1, 1).data(0, 4), formats.ErrCorrupt, "5 dimensions"},
		{"dimensions 2^32-1", one().str("t").u32(1<<32 - 1).u64(0).u64(0), formats.ErrCorrupt, "4294967295 dimensions"},
		{"negative dimension", one().info("t", 0, 0, 1<<63).data(0, 4), formats.ErrCorrupt, "dimension 0"},
		{"elements overflow", one().info("t", 0, 0, 1<<32, 1<<32).data(0, 4), formats.ErrCorrupt, "larger than any file"},
		{"elements overflow to 0", one().info("t", 0, 0, 1<<32, 1<<32, 1<<32, 0).data(0, 4), formats.ErrCorrupt, "larger than any file"},
		{"unknown type", one().info("t", 33, 0, 1).data(0, 4), formats.ErrUnsupported, "tensor t: not supported: type 33"},
		{"type -1", one().info("t", 1<<32-1, 0, 1).data(0, 4), formats.ErrUnsupported, "tensor t"},
		{"rows of half a block", one().info("t", formats.Q4_K, 0, 128, 2).data(0, 144), formats.ErrCorrupt, "rows of 128 values"},
		{"offset not aligned", start(3, 2, 0).info("a", 0, 0, 1).info("b", 0, 4, 1).data(0, 64), formats.ErrCorrupt, "tensor b: its offset 4 is not a multiple"},
		{"overlap", start(3, 2, 0).info("a", 0, 0, 16).info("b", 0, 32, 1).data(0, 128), formats.ErrCorrupt, "the tensors before it end at 64"},
		{"gap", start(3, 2, 0).info("a", 0, 0, 1).info("b", 0, 64, 1).data(0, 128), formats.ErrCorrupt, "the tensors before it end at 32"},
		{"offset near 2^64", one().info("a", 0, 1<<64-32, 1).data(0, 4), formats.ErrCorrupt, "offset is 18446744073709551584"},
		{"data beyond the file", one().info("a", 0, 0, 1<<50).data(0, 4), formats.ErrCorrupt, "cut short"},
		{"no data section", one().info("a", 0, 0, 1), formats.ErrCorrupt, "cut short"},
	}
	for _, c := range tests {
		f, err := Parse("bad.gguf", c.file)
		if err == nil {
			t.Errorf("%s: accepted: %+v", c.name, f)
			continue
		}
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "bad.gguf") {
			t.Errorf("%s: %v; want %v that says %q", c.name, err, c.is, c.says)
		}
	}
}

// TestAllocation feeds claims of huge counts: reading them must not allocate more than the file justifies.
func TestAllocation(t *testing.T) {
	b := start(3, 0, 1).str("k").u32(9).u32(8).u64(1 << 30)
	b = append(b, make([]byte, 1<<10)...)
	if n := testing.AllocsPerRun(10, func() { Parse("x", b) }); n > 50 {
		t.Errorf("%v allocations", n)
	}
}

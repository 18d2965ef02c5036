package gguf

import (
	"encoding/binary"
	"testing"

	"bitmill/formats"
)

// raw builds files byte by byte, independently of the writer.
type raw []byte

func (r raw) u8(v uint8) raw   { return append(r, v) }
func (r raw) u32(v uint32) raw { return binary.LittleEndian.AppendUint32(r, v) }
func (r raw) u64(v uint64) raw { return binary.LittleEndian.AppendUint64(r, v) }
func (r raw) str(s string) raw { return append(r.u64(uint64(len(s))), s...) }
func (r raw) pad(n int) raw {
	for len(r)%n != 0 {
		r = append(r, 0)
	}
	return r
}

// start is the fixed part.
func start(version uint32, tensors, pairs uint64) raw {
	return append(raw{}, "GGUF"...).u32(version).u64(tensors).u64(pairs)
}

// info appends the description of a tensor.
func (r raw) info(name string, typ formats.Type, offset uint64, shape ...uint64) raw {
	r = r.str(name).u32(uint32(len(shape)))
	for _, d := range shape {
		r = r.u64(d)
	}
	return r.u32(uint32(typ)).u64(offset)
}

// data appends n bytes that start with v, after padding to 32.
func (r raw) data(v byte, n int) raw {
	r = r.pad(32)
	for i := range n {
		r = append(r, v+byte(i))
	}
	return r
}

// small is a good file: four keys, a matrix and a vector.
func small() raw {
	return start(3, 2, 4).
		str("general.architecture").u32(8).str("test").
		str("n").u32(4).u32(7).
		str("list").u32(9).u32(8).u64(2).str("a").str("bc").
		str("nested").u32(9).u32(9).u64(2).u32(5).u64(1).u32(0xffffffff).u32(8).u64(0).
		info("m", formats.Q8_0, 0, 32, 2).
		info("v", formats.F32, 96, 3).
		data(1, 68).data(9, 12).pad(32)
}

// describe copies the descriptions of a file's tensors.
func describe(f *File) []formats.Tensor {
	list := make([]formats.Tensor, len(f.Tensors))
	for i, t := range f.Tensors {
		list[i] = t.Tensor
	}
	return list
}

func mustParse(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Parse("test.gguf", b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

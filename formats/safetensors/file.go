// Package safetensors reads safetensors files (https://github.com/huggingface/safetensors), the usual container of
// Hugging Face checkpoints, single or split into shards with an index.
//
//	u64 length of the header, little endian | header: JSON, padded with spaces | data
//
//	{"__metadata__": {string: string}, "NAME": {"dtype": "BF16", "shape": [rows, cols], "data_offsets": [begin, end]}}
//
// Offsets count from the end of the header. The tensors fill the data section without gaps or overlaps.
package safetensors

import (
	"encoding/binary"

	"bitmill/formats/store"
)

// Tensor is a tensor of a file.
type Tensor struct {
	Name   string
	DType  string  // "F32", "F16", "BF16", "F8_E4M3" ...
	Shape  []int64 // in Hugging Face's order, the slowest dimension first; empty for a scalar
	File   string  // path of its file
	Offset int64   // of the data, from the start of the file
	Data   []byte  // valid until the file is closed
}

// Elements is the number of values.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// File is an open safetensors file.
type File struct {
	Path     string
	Metadata map[string]string // __metadata__; nil when absent
	Tensors  []Tensor          // in the order of their data

	mapped *store.Mapped // nil when parsed from memory
}

// Open maps a file.
func Open(path string) (*File, error) {
	m, err := store.Map(path)
	if err != nil {
		return nil, err
	}
	f, err := parseMapped(m)
	if err != nil {
		m.Close()
		return nil, err
	}
	f.mapped = m
	return f, nil
}

// parseMapped parses a file whose header, of an object, must be brought into memory.
func parseMapped(m *store.Mapped) (*File, error) {
	header := min(len(m.Data), 8)
	for range 2 { // its length, then all of it
		release, err := store.Hold(m.Data[:header])
		if err != nil {
			return nil, err
		}
		defer release()
		if header == 8 {
			n := binary.LittleEndian.Uint64(m.Data)
			if n <= maxHeader {
				header = min(len(m.Data), 8+int(n))
			}
		}
	}
	return Parse(m.Path, m.Data)
}

// Close unmaps the file; tensor data must not be used afterwards.
func (f *File) Close() error {
	if f.mapped == nil {
		return nil
	}
	for i := range f.Tensors {
		f.Tensors[i].Data = nil
	}
	m := f.mapped
	f.mapped = nil
	return m.Close()
}

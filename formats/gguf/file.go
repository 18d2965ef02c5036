// Package gguf reads and writes GGUF files, the container of ggml and llama.cpp
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): typed metadata, descriptions of tensors, and their data
// for mapping into memory. Versions 2 and 3, little endian, are read; version 3 is written, with the bytes ggml writes.
//
//	magic "GGUF" | u32 version | u64 tensors | u64 pairs
//	pairs   x { key | u32 type | value }
//	tensors x { name | u32 dims | u64 shape[dims] | u32 type | u64 offset in the data section }
//	padding | data, each tensor padded to general.alignment (32 when absent)
//
// A string is a u64 length and its bytes; an array is a u32 type, a u64 count and its values.
package gguf

import (
	"errors"

	"bitmill/formats"
	"bitmill/formats/store"
)

// File is an open GGUF file, or all shards of a split.
type File struct {
	Path      string // as opened: of a split, the first shard
	Version   uint32
	Alignment int64
	Metadata  *Metadata // of a split, the first shard's, split.* keys included
	Tensors   []Tensor  // in the order of the file, shard after shard
	Shards    []Shard   // one for a file that is not split

	index map[string]int // tensor name -> position in Tensors
}

// Tensor is a tensor of a file.
type Tensor struct {
	formats.Tensor
	Offset int64  // of the data, from the start of its shard
	Shard  int    // index in File.Shards
	Data   []byte // the stored blocks without padding; valid until Close
}

// Shard is one file on disk.
type Shard struct {
	Path        string
	Bytes       int64 // size of the file
	HeaderBytes int64 // where the data section starts
	End         int64 // where the padding of the last tensor ends; a file may lack padding, more bytes are foreign

	mapped *store.Mapped // nil when parsed from memory
}

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (*Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return nil, false
	}
	return &f.Tensors[i], true
}

// Bytes is the size of the file, or of all shards together.
func (f *File) Bytes() int64 {
	var n int64
	for _, s := range f.Shards {
		n += s.Bytes
	}
	return n
}

// Close unmaps the file; tensor data must not be used afterwards.
func (f *File) Close() error {
	var errs []error
	for i := range f.Shards {
		if m := f.Shards[i].mapped; m != nil {
			errs = append(errs, m.Close())
			f.Shards[i].mapped = nil
		}
	}
	for i := range f.Tensors {
		f.Tensors[i].Data = nil
	}
	return errors.Join(errs...)
}

// reindex fills the name index; a name that occurs twice is an error.
func (f *File) reindex() error {
	f.index = make(map[string]int, len(f.Tensors))
	for i, t := range f.Tensors {
		if _, ok := f.index[t.Name]; ok {
			return formats.Corruptf(f.Path, -1, "tensor "+t.Name, "the name occurs twice")
		}
		f.index[t.Name] = i
	}
	return nil
}

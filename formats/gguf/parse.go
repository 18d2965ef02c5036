package gguf

import (
	"bytes"
	"fmt"
	"math"

	"bitmill/formats"
)

// Parse reads one GGUF file held in memory; name is what errors call it. Tensor data is not copied. A shard of a
// split is read on its own. The rules are ggml's: files that llama.cpp refuses are refused here too, except that arrays
// of arrays are read and that the padding after the last tensor may be missing.
func Parse(name string, data []byte) (*File, error) {
	return parse(name, data, func(int64) error { return nil })
}

// parse is Parse for data of which load brings the bytes up to an offset into memory.
func parse(name string, data []byte, load func(end int64) error) (*File, error) {
	c := &cursor{file: name, data: data, load: load}
	if err := load(min(int64(len(data)), 64)); err != nil { // what tells other files from GGUF
		return nil, err
	}
	f := &File{Path: name, Metadata: &Metadata{}}
	tensors, pairs, err := c.start(f)
	if err != nil {
		return nil, err
	}
	for range pairs {
		if err := c.pair(f.Metadata); err != nil {
			return nil, err
		}
	}
	if f.Alignment, err = alignment(f.Metadata); err != nil {
		return nil, formats.Corruptf(name, -1, keyAlignment, "%v", err)
	}
	offsets := make([]uint64, 0, min(tensors, 1<<16))
	for range tensors {
		t, offset, err := c.info()
		if err != nil {
			return nil, err
		}
		f.Tensors = append(f.Tensors, Tensor{Tensor: t})
		offsets = append(offsets, offset)
	}
	if err := f.reindex(); err != nil {
		return nil, err
	}
	start, end, err := f.place(c, offsets)
	if err != nil {
		return nil, err
	}
	f.Shards = []Shard{{Path: name, Bytes: int64(len(data)), HeaderBytes: start, End: end}}
	return f, nil
}

// start reads the fixed part: the magic bytes "GGUF", a uint32 version, a uint64 number of tensors and one of
// key-value pairs.
func (c *cursor) start(f *File) (tensors, pairs int, err error) {
	if len(c.data) == 0 {
		return 0, 0, formats.Corruptf(c.file, 0, "magic", "the file is empty")
	}
	magic, err := c.take(4, "magic")
	if err != nil {
		return 0, 0, err
	}
	if string(magic) != "GGUF" {
		if bytes.HasPrefix(c.data, []byte("version https://git-lfs")) {
			return 0, 0, formats.Corruptf(c.file, 0, "magic",
				"this is a Git LFS pointer; fetch the file itself with git lfs pull")
		}
		return 0, 0, formats.Corruptf(c.file, 0, "magic", "%q is not GGUF", magic)
	}
	if f.Version, err = c.u32("version"); err != nil {
		return 0, 0, err
	}
	switch {
	case f.Version == 2 || f.Version == 3:
	case f.Version&0xffff == 0 && f.Version != 0:
		return 0, 0, fmt.Errorf("%s: %w: a big-endian GGUF file; convert it to little endian first", c.file,
			formats.ErrUnsupported)
	default:
		return 0, 0, fmt.Errorf("%s: %w: GGUF version %d; versions 2 and 3 are read", c.file, formats.ErrUnsupported,
			f.Version)
	}
	// The counts stand side by side, so the bytes left bound both: an info takes at least 24 bytes (empty name, no
	// dimensions), a pair at least 14 (a key of one byte, a type, a value of one byte).
	if tensors, err = c.count(24, "number of tensors"); err != nil {
		return 0, 0, err
	}
	pairs, err = c.count(14, "number of metadata keys")
	return tensors, pairs, err
}

// pair reads a key, a type and a value into m.
func (c *cursor) pair(m *Metadata) error {
	at := c.at
	b, err := c.text(maxKey, "metadata key")
	if err != nil {
		return err
	}
	key := string(b)
	if key == "" {
		return formats.Corruptf(c.file, at, "metadata key", "it is empty")
	}
	if _, ok := m.Get(key); ok {
		return formats.Corruptf(c.file, at, "metadata key", "%q occurs twice", key)
	}
	field := "metadata value " + key
	k, err := c.valueType(field)
	if err != nil {
		return err
	}
	v, err := c.value(k, field)
	if err != nil {
		return err
	}
	m.put(key, v)
	return nil
}

// info reads the description of a tensor: name, uint32 number of dimensions, uint64 dimensions (row length first),
// uint32 type, uint64 offset of the data within the data section.
func (c *cursor) info() (t formats.Tensor, offset uint64, err error) {
	at := c.at
	name, err := c.text(maxString, "tensor name")
	if err != nil {
		return t, 0, err
	}
	t.Name = string(name)
	if len(name) > maxName {
		return t, 0, formats.Corruptf(c.file, at, "tensor name", "%q is longer than %d bytes", name, maxName)
	}
	field := "tensor " + t.Name
	dims, err := c.u32(field)
	if err != nil {
		return t, 0, err
	}
	if dims > maxDims {
		return t, 0, formats.Corruptf(c.file, c.at-4, field, "%d dimensions; at most %d are allowed", dims, maxDims)
	}
	t.Shape = make([]int64, dims)
	for i := range t.Shape {
		d, err := c.u64(field)
		if err != nil {
			return t, 0, err
		}
		if d > math.MaxInt64 {
			return t, 0, formats.Corruptf(c.file, c.at-8, field, "dimension %d is %d", i, d)
		}
		t.Shape[i] = int64(d)
	}
	id, err := c.u32(field)
	if err != nil {
		return t, 0, err
	}
	t.Type = formats.Type(id)
	if _, ok := t.Type.Info(); !ok {
		return t, 0, fmt.Errorf("%s: tensor %s: %w: %s", c.file, t.Name, formats.ErrUnsupported, t.Type)
	}
	if block := int64(t.Type.BlockLen()); t.Cols()%block != 0 {
		return t, 0, formats.Corruptf(c.file, c.at-4, field, "rows of %d values are not a whole number of %s blocks of %d",
			t.Cols(), t.Type, block)
	}
	if _, err := sizeOf(t); err != nil {
		return t, 0, formats.Corruptf(c.file, c.at-4, field, "its shape %v is larger than any file", t.Shape)
	}
	offset, err = c.u64(field)
	return t, offset, err
}

// place finds the data of each tensor. The data section starts at the next multiple of the alignment after the
// infos; the tensors follow each other in the order of the infos, each padded to the alignment.
func (f *File) place(c *cursor, offsets []uint64) (start, end int64, err error) {
	start = roundUp(c.at, f.Alignment)
	if len(f.Tensors) == 0 {
		start = min(start, int64(len(c.data)))
		return start, start, nil
	}
	next := start
	for i := range f.Tensors {
		t := &f.Tensors[i]
		field := "tensor " + t.Name
		if offsets[i]%uint64(f.Alignment) != 0 {
			return 0, 0, formats.Corruptf(c.file, -1, field, "its offset %d is not a multiple of the alignment %d", offsets[i],
				f.Alignment)
		}
		if offsets[i] != uint64(next-start) {
			return 0, 0, formats.Corruptf(c.file, -1, field, "its offset is %d, but the tensors before it end at %d", offsets[i],
				next-start)
		}
		size, err := sizeOf(t.Tensor)
		if err != nil {
			return 0, 0, formats.Corruptf(c.file, -1, field, "%v", err)
		}
		if left := int64(len(c.data)) - next; left < 0 || size > left {
			return 0, 0, formats.Corruptf(c.file, next, field,
				"its %d bytes do not fit in the %d bytes of the file, which is cut short", size, len(c.data))
		}
		t.Offset, t.Data = next, c.data[next:next+size:next+size]
		next = roundUp(next+size, f.Alignment)
	}
	return start, next, nil
}

package gguf

import (
	"encoding/binary"

	"bitmill/formats"
)

// cursor reads a file in memory from front to back. Nothing is allocated before the bytes for it are known to exist.
type cursor struct {
	file string
	data []byte
	at   int64
	load func(end int64) error // brings the data up to an offset into memory
}

func (c *cursor) left() int64 { return int64(len(c.data)) - c.at }

// take returns the next n bytes.
func (c *cursor) take(n uint64, field string) ([]byte, error) {
	if n > uint64(c.left()) {
		return nil, formats.Corruptf(c.file, c.at, field, "%d bytes are needed, %d are left", n, c.left())
	}
	if err := c.load(c.at + int64(n)); err != nil {
		return nil, err
	}
	b := c.data[c.at : c.at+int64(n)]
	c.at += int64(n)
	return b, nil
}

func (c *cursor) u32(field string) (uint32, error) {
	b, err := c.take(4, field)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64(field string) (uint64, error) {
	b, err := c.take(8, field)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// count reads a uint64 count of things that take at least size bytes each.
func (c *cursor) count(size int64, field string) (int, error) {
	at := c.at
	n, err := c.u64(field)
	if err != nil {
		return 0, err
	}
	if n > uint64(c.left()/size) {
		return 0, formats.Corruptf(c.file, at, field, "%d are claimed, the %d bytes left hold at most %d", n, c.left(),
			c.left()/size)
	}
	return int(n), nil
}

// text reads a string's bytes: a uint64 length, then that many bytes without a terminating zero.
func (c *cursor) text(limit uint64, field string) ([]byte, error) {
	at := c.at
	n, err := c.u64(field)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, formats.Corruptf(c.file, at, field, "a string of %d bytes is longer than the limit of %d", n, limit)
	}
	return c.take(n, field)
}

// strings reads n strings. They share one copy of their bytes: a vocabulary is two allocations, not 200,000.
func (c *cursor) strings(n int, field string) ([]string, error) {
	start := c.at
	for range n {
		if _, err := c.text(maxString, field); err != nil {
			return nil, err
		}
	}
	all := string(c.data[start:c.at])
	s := make([]string, n)
	for i, p := 0, 0; i < n; i++ {
		length := int(binary.LittleEndian.Uint64(c.data[start+int64(p):]))
		s[i] = all[p+8 : p+8+length]
		p += 8 + length
	}
	return s, nil
}

// value reads one metadata value of type k.
func (c *cursor) value(k valueType, field string) (any, error) {
	switch k {
	case typeString:
		b, err := c.text(maxString, field)
		return string(b), err
	case typeArray:
		return c.array(1, field)
	}
	at := c.at
	b, err := c.take(uint64(valueTypes[k].bytes), field)
	if err != nil {
		return nil, err
	}
	v, _, err := valueTypes[k].read(b, 1)
	if err != nil {
		return nil, formats.Corruptf(c.file, at, field, "%v", err)
	}
	return v, nil
}

// valueType reads a type id.
func (c *cursor) valueType(field string) (valueType, error) {
	at := c.at
	k, err := c.u32(field)
	if err != nil {
		return 0, err
	}
	if !valueType(k).known() {
		return 0, formats.Corruptf(c.file, at, field, "there is no metadata type %d", k)
	}
	return valueType(k), nil
}

// array reads an array: the type of its elements, their number, the elements.
func (c *cursor) array(depth int, field string) (any, error) {
	if depth > maxDepth {
		return nil, formats.Corruptf(c.file, c.at, field, "arrays are nested deeper than %d", maxDepth)
	}
	k, err := c.valueType(field)
	if err != nil {
		return nil, err
	}
	n, err := c.count(valueTypes[k].bytes, field)
	if err != nil {
		return nil, err
	}
	switch k {
	case typeString:
		return c.strings(n, field)
	case typeArray:
		list := make([]any, n)
		for i := range list {
			if list[i], err = c.array(depth+1, field); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	at := c.at
	b, err := c.take(uint64(n)*uint64(valueTypes[k].bytes), field)
	if err != nil {
		return nil, err
	}
	_, many, err := valueTypes[k].read(b, n)
	if err != nil {
		return nil, formats.Corruptf(c.file, at, field, "%v", err)
	}
	return many, nil
}

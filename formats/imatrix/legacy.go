package imatrix

import (
	"encoding/binary"
	"fmt"

	"bitmill/formats"
)

// parseLegacy reads the .dat layout that llama-imatrix wrote before GGUF, all integers int32 little endian:
//
//	entries
//	entries x { name length | name | calls | values | float32[values] }
//	chunks | dataset length | dataset          (optional)
//
// The floats are mean square activations times calls, so dividing by calls gives the weights; a mixture's matrices lie
// one after the other under one count. calls <= 0 means that the floats are the means themselves.
func parseLegacy(name string, data []byte) (*Matrix, error) {
	c := &legacyCursor{name: name, data: data}
	entries := c.i32("number of entries")
	if c.err == nil && entries < 1 {
		return nil, formats.Corruptf(name, 0, "number of entries", "%d; the file is neither GGUF nor a legacy imatrix",
			entries)
	}
	m := &Matrix{Legacy: true}
	for i := int32(0); i < entries && c.err == nil; i++ {
		field := fmt.Sprintf("entry %d", i)
		e := Entry{Name: string(c.take(int64(c.i32(field)), field))}
		calls, values := c.i32(field), c.i32(field)
		if c.err == nil && values < 1 {
			return nil, formats.Corruptf(name, c.at-4, field, "%s has %d values", e.Name, values)
		}
		b := c.take(int64(values)*4, field)
		if c.err != nil {
			break
		}
		e.SumSquares = make([]float32, values)
		if _, err := binary.Decode(b, binary.LittleEndian, e.SumSquares); err != nil {
			return nil, err
		}
		e.Counts = []float32{float32(max(calls, 1))}
		m.Entries = append(m.Entries, e)
	}
	if c.err == nil && c.at < int64(len(data)) {
		m.Windows = int(c.i32("number of chunks"))
		if dataset := c.take(int64(c.i32("dataset")), "dataset"); len(dataset) > 0 {
			m.Datasets = []string{string(dataset)}
		}
	}
	if c.err == nil && m.Windows < 0 {
		return nil, formats.Corruptf(name, -1, "number of chunks", "%d", m.Windows)
	}
	if c.err != nil {
		return nil, c.err
	}
	return m, nil
}

// legacyCursor reads front to back and keeps the first error.
type legacyCursor struct {
	name string
	data []byte
	at   int64
	err  error
}

func (c *legacyCursor) take(n int64, field string) []byte {
	left := int64(len(c.data)) - c.at
	if c.err == nil && (n < 0 || n > left) {
		c.err = formats.Corruptf(c.name, c.at, field,
			"%d bytes are claimed, %d are left; the file is cut short, or neither GGUF nor a legacy imatrix", n, left)
	}
	if c.err != nil {
		return nil
	}
	c.at += n
	return c.data[c.at-n : c.at]
}

func (c *legacyCursor) i32(field string) int32 {
	b := c.take(4, field)
	if c.err != nil {
		return 0
	}
	return int32(binary.LittleEndian.Uint32(b))
}

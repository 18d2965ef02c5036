package checkpoint

import (
	"fmt"

	"bitmill/formats/block"
)

// chunkValues is about how many values a Chunk holds: 256 Ki, a megabyte as float32.
const chunkValues = 1 << 18

// ChunkLen is the number of values in a chunk, so that a pass over the tensor needs little memory: whole blocks, and
// whole rows when rows are permuted. With another tensor of the same shape (with; may be nil) it suits both.
func (t *Tensor) ChunkLen(with *Tensor) int64 {
	unit := int64(t.Type.BlockLen())
	rows := t.Bytes() == nil
	if with != nil {
		unit = max(unit, int64(with.Type.BlockLen())) // blocks are powers of two
		rows = rows || with.Bytes() == nil
	}
	if rows {
		unit = t.Cols()
	}
	unit = max(unit, 1)
	return max(1, chunkValues/unit) * unit
}

// Chunk returns the stored bytes of n values from first on, both multiples of ChunkLen except at the end of the tensor.
// The bytes lie in the memory map, or, when rows are permuted, in *buf, which grows as needed: valid until the next
// call.
func (t *Tensor) Chunk(buf *[]byte, first, n int64) ([]byte, error) {
	if data := t.Bytes(); data != nil {
		size, err := t.Type.RowBytes(first)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		length, err := t.Type.RowBytes(n)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		if first < 0 || size+length > int64(len(data)) {
			return nil, fmt.Errorf("tensor %s: values %d to %d of %d", t.Name, first, first+n, t.Elements())
		}
		return data[size : size+length], nil
	}
	cols := max(t.Cols(), 1)
	row, err := t.span(first/cols, n/cols)
	if err != nil {
		return nil, err
	}
	length := int(n / cols * row)
	if cap(*buf) < length {
		*buf = make([]byte, length)
	}
	*buf = (*buf)[:length]
	return *buf, t.ReadRows(*buf, first/cols, n/cols)
}

// ChunkFloats decodes a Chunk into dst[:n].
func (t *Tensor) ChunkFloats(dst []float32, buf *[]byte, first, n int64) error {
	data, err := t.Chunk(buf, first, n)
	if err != nil {
		return err
	}
	if err := block.Decode(t.Type, dst[:n], data); err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return nil
}

package checkpoint

import (
	"bytes"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/store"
)

// readRow copies row r, in type t.Type.
func (t *Tensor) readRow(dst []byte, r int64) {
	switch {
	case t.layout.Present > 0 && r >= t.layout.Present:
		clear(dst)
	case t.derived != nil:
		t.deriveRow(dst, r)
	case t.layout.Nibbles:
		t.readNibbles(dst, t.layout.Row(r, t.Rows()))
	case t.layout.Columns > 0:
		t.readColumn(dst, r)
	default:
		size := int64(len(dst))
		per := t.Rows() / int64(len(t.parts)) // rows in a part
		at := t.layout.Row(r, t.Rows()) * size
		if len(t.parts) > 1 {
			at = r % per * size
		}
		copy(dst, t.parts[r/per][at:])
	}
	t.tileRow(dst)
	if t.layout.Factors != nil && t.derived == nil {
		t.multiplyRow(dst, r)
	}
}

// multiplyRow multiplies a row by its factors in float32, or in float16 where the values are, as torch does.
func (t *Tensor) multiplyRow(row []byte, r int64) {
	values := make([]float32, t.Cols())
	if by := t.layout.Factors.Of(r); len(by) > 0 && block.Decode(t.Type, values, row) == nil {
		multiply(values, by, t.stored == formats.F16)
		put(t.Type, row, values)
	}
}

func multiply(values, by []float32, half bool) {
	for _, f := range by {
		for i, v := range values {
			if values[i] = v * f; half {
				values[i] = block.FromF16(block.F16(values[i]))
			}
		}
	}
}

// Raw is the data of a matrix before its rows are multiplied by factors; nil for others. That of an object stays in
// memory until the checkpoint is closed.
func (t *Tensor) Raw() ([]byte, error) {
	if t.Factors() == nil {
		return nil, nil
	}
	_, err := store.Hold(t.parts[0])
	return t.parts[0], err
}

// Factors are those that the rows of a matrix are multiplied by, whose data Raw returns; nil for others.
func (t *Tensor) Factors() *arch.Factors {
	if f := t.layout.Factors; f != nil && len(t.parts) == 1 && t.derived == nil && t.layout == (arch.Layout{Factors: f}) {
		return f
	}
	return nil
}

// tileRow brings the columns of a row into the order of the tensor.
func (t *Tensor) tileRow(row []byte) {
	w := t.layout.Wide
	if w.Heads <= 1 {
		return
	}
	value, source := int64(t.Type.BlockBytes()), bytes.Clone(row)
	for at := w.From; at < t.Cols(); at += w.Size {
		copy(row[at*value:][:w.Size*value], source[w.At(at)*value:])
	}
}

// readColumn gathers row r from a column of a source matrix, [cols][columns].
func (t *Tensor) readColumn(dst []byte, r int64) {
	size, cols := int64(t.stored.BlockBytes()), t.Cols()
	rows := t.Rows() / t.Matrices()
	source := t.parts[0][r/rows*max(t.layout.Span, cols)*t.layout.Columns*size:]
	at := t.layout.Row(r%rows, rows) * size
	for c := range cols {
		copy(dst[c*size:(c+1)*size], source[at:])
		at += t.layout.Columns * size
	}
}

// readNibbles makes MXFP4 blocks: a scale, then codes j and j+16 in one byte; a byte of the source holds codes 2i and
// 2i+1.
func (t *Tensor) readNibbles(dst []byte, row int64) {
	blocks := t.Cols() / 32
	codes, scales := t.parts[0][row*blocks*16:], t.parts[1][row*blocks:]
	for b := range blocks {
		to, from := dst[b*17:(b+1)*17], codes[b*16:(b+1)*16]
		to[0] = scales[b]
		for j := range 8 {
			low, high := from[j], from[8+j] // codes 2j, 2j+1 and 16+2j, 17+2j
			to[1+2*j] = low&15 | high<<4
			to[2+2*j] = low>>4 | high&0xf0
		}
	}
}

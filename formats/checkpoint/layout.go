package checkpoint

import "bytes"

// readRow copies row r, in type t.Type.
func (t *Tensor) readRow(dst []byte, r int64) {
	switch {
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

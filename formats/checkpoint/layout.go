package checkpoint

// layout says how a tensor's rows lie in its source. The zero layout is row after row. A vector's values are laid out
// as the rows of a matrix are.
type layout struct {
	heads int // when positive, rows are permuted within each of so many heads

	first, step int64 // the rows are every step-th of the source's from the first on; step 0 stands for 1
	rows, span  int64 // when span is positive, so many rows of a matrix lie in so many of the source's
	columns     int64 // when positive, rows are columns of the source's matrices, which have so many
	nibbles     bool  // MXFP4 as gpt-oss stores it: a part of codes, [rows][cols/2], and one of scales, [rows][cols/32]

	add float32 // is added to every value; of converted tensors only
}

// plain reports whether the rows lie one after the other.
func (l layout) plain() bool { return l == layout{add: l.add} }

// row finds where row r of a tensor with so many rows lies in the source.
func (l layout) row(r, rows int64) int64 {
	if l.heads > 0 {
		r = halves(r, rows/int64(l.heads))
	}
	if l.span > 0 {
		return r/l.rows*l.span + l.first + r%l.rows
	}
	return l.first + r*max(l.step, 1)
}

// halves turns the place of a row in a head of d rows whose pairs are neighbours, (2j, 2j+1), into its place in one
// whose pairs are half a head apart, (j, j+d/2): the order of Hugging Face checkpoints.
func halves(r, d int64) int64 {
	in := r % d
	return r - in + in%2*(d/2) + in/2
}

// readRow copies row r, in type t.Type.
func (t *Tensor) readRow(dst []byte, r int64) {
	switch {
	case t.derived != nil:
		t.deriveRow(dst, r)
	case t.layout.nibbles:
		t.readNibbles(dst, t.layout.row(r, t.Rows()))
	case t.layout.columns > 0:
		t.readColumn(dst, r)
	default:
		size := int64(len(dst))
		per := t.Rows() / int64(len(t.parts)) // rows in a part
		at := t.layout.row(r, t.Rows()) * size
		if len(t.parts) > 1 {
			at = r % per * size
		}
		copy(dst, t.parts[r/per][at:])
	}
}

// readColumn gathers a row whose values stand one below the other in a matrix of the source, [cols][columns].
func (t *Tensor) readColumn(dst []byte, r int64) {
	size, cols := int64(t.stored.BlockBytes()), t.Cols()
	rows := t.Rows() / t.Matrices()
	source := t.parts[0][r/rows*max(t.layout.span, cols)*t.layout.columns*size:]
	at := t.layout.row(r%rows, rows) * size
	for c := range cols {
		copy(dst[c*size:(c+1)*size], source[at:])
		at += t.layout.columns * size
	}
}

// readNibbles makes MXFP4 blocks: a scale, then codes j and j+16 in one byte, of which the source holds codes 2i and
// 2i+1 in one.
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

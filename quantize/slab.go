package quantize

import (
	"fmt"
	"sync/atomic"

	"bitmill/formats/block"
	"bitmill/formats/file"
	"bitmill/quantize/encode"
)

// slab is a run of rows of one matrix on their way through the workers.
type slab struct {
	task    *task
	first   int64 // row, over all matrices of the tensor
	rows    int64
	outputs [][]byte  // one per encoding of the task; nil where no artifact needs it any more
	unheld  []*unheld // one per encoding; nil where it holds all values
	buffer  []byte    // of the outputs that do not lie in a mapped file; reused
	err     error
	done    chan struct{}
	users   atomic.Int32 // files that have yet to write it
}

// ends reports whether the slab is its tensor's last.
func (s *slab) ends() bool { return s.first+s.rows == s.task.rows }

// worker holds one goroutine's buffer.
type worker struct {
	values    []float32
	artifacts []*artifactWriter
}

// encode fills the slab's outputs.
func (w *worker) encode(s *slab) error {
	t := s.task
	s.outputs, s.unheld = s.outputs[:0], s.unheld[:0]
	var values []float32
	magnitude := float32(0)
	if t.decodes() {
		values = w.values[:s.rows*t.cols]
		if err := t.read(values, s.first, s.rows); err != nil {
			return fmt.Errorf("tensor %s: %w", t.tensor.Name, err)
		}
		magnitude = encode.Magnitude(values)
	}
	buffer := s.buffer
	for k, e := range t.encodings {
		var out []byte
		var lost *unheld
		var err error
		switch {
		case e.data != nil:
			out = e.data[s.first*e.row : (s.first+s.rows)*e.row]
			err = t.checkCopy(e, out, s.first)
		case e.typ == t.tensor.Type && t.tensor.Bytes() != nil:
			out = t.tensor.Bytes()[s.first*e.row : (s.first+s.rows)*e.row]
		case !t.needs(k, w.artifacts):
		default:
			n := s.rows * e.row
			out, buffer = buffer[:n:n], buffer[n:]
			if e.typ == t.tensor.Type {
				err = t.tensor.ReadRows(out, s.first, s.rows)
				break
			}
			err = encode.Encode(e.typ, out, values, t.encodeCols(s.rows), t.importance(e, s.first))
			if err == nil {
				lost = t.findUnheld(e, out, values, magnitude, s.first)
			}
		}
		if err != nil {
			return fmt.Errorf("tensor %s as %s: %w", t.tensor.Name, e.typ, err)
		}
		s.outputs, s.unheld = append(s.outputs, out), append(s.unheld, lost)
	}
	return nil
}

// needs reports whether an artifact that is not blocked needs an encoding.
func (t *task) needs(k int, artifacts []*artifactWriter) bool {
	for i, a := range artifacts {
		if t.use[i] == k && a.blocked.Load() == nil {
			return true
		}
	}
	return false
}

// release gives the pages that the slab was read from back to the system.
func (s *slab) release() {
	t := s.task
	for i, e := range t.encodings {
		if e.data != nil {
			file.Release(s.outputs[i])
		}
	}
	switch {
	case !t.flat:
		t.tensor.Release(s.first, s.rows)
	case s.ends():
		t.tensor.Release(0, t.tensor.Rows())
	default:
		file.Release(t.tensor.Bytes()[s.first*t.sourceRow : (s.first+s.rows)*t.sourceRow])
	}
}

// read decodes rows.
func (t *task) read(values []float32, first, rows int64) error {
	if t.flat {
		return t.tensor.ChunkFloats(values, nil, first, rows)
	}
	return t.tensor.Floats(values, first, rows)
}

// encodeCols is the length of rows for the encoder.
func (t *task) encodeCols(rows int64) int {
	if t.flat {
		return int(rows)
	}
	return int(t.cols)
}

// decodes reports whether values must be decoded, to be encoded.
func (t *task) decodes() bool {
	for _, e := range t.encodings {
		if e.data == nil && e.typ != t.tensor.Type {
			return true
		}
	}
	return false
}

// importance is the weights of the matrix that a row belongs to.
func (t *task) importance(e encoding, row int64) []float32 {
	if !e.weighted {
		return nil
	}
	m := row / t.perMatrix
	return t.weights[m*t.cols : (m+1)*t.cols]
}

// checkCopy fails when a copied block is damaged.
func (t *task) checkCopy(e encoding, out []byte, first int64) error {
	bad := block.NotFinite(e.typ, out)
	if bad < 0 {
		return nil
	}
	row, col := t.position(first, bad*e.typ.BlockLen())
	what := "the block's scale"
	if e.typ.BlockLen() == 1 {
		what = "the value"
	}
	return fmt.Errorf("row %d, column %d: in the earlier artifact that it is copied from, %s is not a finite number", row,
		col, what)
}

// position is the row and column in the tensor of value i of the slab that starts at row first.
func (t *task) position(first int64, i int) (row, col int64) {
	at := first*t.cols + int64(i)
	return at / t.tensor.Cols(), at % t.tensor.Cols()
}

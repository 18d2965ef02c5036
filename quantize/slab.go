package quantize

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// slab is some consecutive rows of one matrix on their way through the workers.
type slab struct {
	task    *task
	first   int64 // row, over all matrices of the tensor
	rows    int64
	outputs [][]byte // one per encoding of the task
	buffers [][]byte // what outputs point to, unless to the source itself; reused
	err     error
	done    chan struct{}
}

// worker holds one goroutine's buffer.
type worker struct{ values []float32 }

// encode fills the slab's outputs.
func (w *worker) encode(s *slab) error {
	t := s.task
	s.outputs = s.outputs[:0]
	var values []float32
	if t.decodes() {
		n := int(s.rows * t.cols)
		if cap(w.values) < n {
			w.values = make([]float32, n)
		}
		values = w.values[:n]
		if err := t.tensor.Floats(values, s.first, s.rows); err != nil {
			return fmt.Errorf("tensor %s: %w", t.tensor.Name, err)
		}
		if err := t.checkValues(values, s.first); err != nil {
			return err
		}
	}
	for i, e := range t.encodings {
		var out []byte
		var err error
		if e.typ == t.tensor.Type {
			out, err = s.copy(i)
		} else {
			out = s.buffer(i, s.rows*e.row)
			err = encode.Encode(e.typ, out, values, int(t.cols), t.importance(e, s.first))
		}
		if err == nil {
			err = t.checkBlocks(e, out, s.first)
		}
		if err != nil {
			return fmt.Errorf("tensor %s as %s: %w", t.tensor.Name, e.typ, err)
		}
		s.outputs = append(s.outputs, out)
	}
	return nil
}

// copy returns the slab's rows as the source stores them.
func (s *slab) copy(i int) ([]byte, error) {
	t := s.task
	if b := t.tensor.Bytes(); b != nil {
		return b[s.first*t.sourceRow : (s.first+s.rows)*t.sourceRow], nil
	}
	out := s.buffer(i, s.rows*t.sourceRow)
	return out, t.tensor.ReadRows(out, s.first, s.rows)
}

// buffer returns the slab's i-th buffer with n bytes.
func (s *slab) buffer(i int, n int64) []byte {
	for len(s.buffers) <= i {
		s.buffers = append(s.buffers, nil)
	}
	if int64(cap(s.buffers[i])) < n {
		s.buffers[i] = make([]byte, n)
	}
	return s.buffers[i][:n]
}

// decodes reports whether the values are needed: to be encoded, or to be checked where every one may be NaN.
func (t *task) decodes() bool {
	switch t.tensor.Type {
	case formats.F32, formats.F16, formats.BF16:
		return true
	}
	for _, e := range t.encodings {
		if e.typ != t.tensor.Type {
			return true
		}
	}
	return false
}

// importance is the weights of the matrix that holds a row.
func (t *task) importance(e encoding, row int64) []float32 {
	if !e.weighted {
		return nil
	}
	m := row / t.perMatrix
	return t.weights[m*t.cols : (m+1)*t.cols]
}

// checkValues fails at the first value that is not a finite number.
func (t *task) checkValues(values []float32, first int64) error {
	if i, ok := encode.CheckFinite(values); !ok {
		return fmt.Errorf("tensor %s holds %v in row %d, column %d: the source is damaged",
			t.tensor.Name, values[i], first+int64(i)/t.cols, int64(i)%t.cols)
	}
	return nil
}

// checkBlocks fails when encoding went out of range, as when values exceed half precision or the importance weights
// of a whole block are zero.
func (t *task) checkBlocks(e encoding, out []byte, first int64) error {
	bad := block.NotFinite(e.typ, out)
	if bad < 0 {
		return nil
	}
	value := int64(bad) * int64(e.typ.BlockLen())
	return fmt.Errorf("row %d, column %d: the block's scale is not a finite number", first+value/t.cols, value%t.cols)
}

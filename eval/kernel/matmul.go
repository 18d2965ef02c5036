package kernel

import (
	"fmt"

	"bitmill/formats"
)

// Matrix is Rows rows of Cols weights in blocks of Type, one row after the other as a file stores them, or repacked.
type Matrix struct {
	Type       formats.Type
	Rows, Cols int
	Data       []byte
	Repacked   bool // rows are interleaved: see Set.Repack
}

// Scratch is a worker's memory for unpacked weights. The zero value is ready to use, by one goroutine at a time.
type Scratch struct {
	bytes   []uint8
	scales  []kquantScales
	floats  []float32
	tiles   tiles
	rows    rowScratch
	product product
}

// MatMul computes dst[t*stride+r] = sum_k w[r,k] * x[t,k] for rows r0 <= r < r1 and all tokens t of x. Other elements
// of dst do not change. x must have the form of FormOf or that of ExactFormOf; a repacked matrix needs the former, and
// r0 and r1 in multiples of sixteen (r1 may be the last row). Goroutines may compute disjoint rows at the same time,
// each with its own Scratch; nil stands for a new one.
func (s *Set) MatMul(dst []float32, stride int, w Matrix, x *Activations, r0, r1 int, scratch *Scratch) error {
	st := w.stored()
	if err := st.check(dst, stride, x, r0, r1); err != nil {
		return fmt.Errorf("product of a %d x %d %s matrix with %d tokens: %w", w.Rows, w.Cols, w.Type, x.n, err)
	}
	if x.n == 0 || r0 == r1 {
		return nil
	}
	if scratch == nil {
		scratch = new(Scratch)
	}
	if s.types == nil || w.Cols == 0 { // sums of nothing
		matmulGeneric(dst, stride, st, x, r0, r1, scratch)
	} else {
		s.multiply(dst, stride, st, x, r0, r1, scratch)
	}
	return nil
}

func (w *stored) check(dst []float32, stride int, x *Activations, r0, r1 int) error {
	form, err := FormOf(w.Type)
	if err != nil {
		return err
	}
	if x.form != form && x.form != FormF32 || x.cols != w.Cols {
		return fmt.Errorf("the activations are rows of %d in form %s; rows of %d in form %s are needed",
			x.cols, x.form, w.Cols, form)
	}
	if w.Repacked && w.shape.repackLayout == nil {
		return fmt.Errorf("%w: a matrix of this type and width cannot be repacked", formats.ErrUnsupported)
	}
	if w.Cols < 0 || w.Cols%w.block != 0 {
		return fmt.Errorf("%w: a row of %d values does not divide into blocks of %d",
			formats.ErrUnsupported, w.Cols, w.block)
	}
	size := w.rowBytes * w.Rows
	if w.Repacked {
		size = w.shape.rows(w.Rows)
	}
	if w.Rows < 0 || len(w.Data) < size {
		return fmt.Errorf("%w: the matrix has %d bytes, not %d", formats.ErrCorrupt, len(w.Data), size)
	}
	if w.Repacked && (r0%lanes != 0 || r1%lanes != 0 && r1 != w.Rows || x.form == FormF32) {
		return fmt.Errorf("%w: repacked rows %d to %d with activations in form %s: rows come in multiples of %d, "+
			"and exact products need them as stored", formats.ErrUnsupported, r0, r1, x.form, lanes)
	}
	if r0 < 0 || r1 < r0 || r1 > w.Rows {
		return fmt.Errorf("rows %d to %d of %d are out of range", r0, r1, w.Rows)
	}
	if x.n > 0 && (stride < r1 || len(dst) < (x.n-1)*stride+r1) {
		return fmt.Errorf("a destination of %d with stride %d is too small for row %d", len(dst), stride, r1)
	}
	return nil
}

// stored is a matrix with the sizes of its rows and blocks looked up once.
type stored struct {
	Matrix
	typ                         *weightType
	rowBytes, blockBytes, block int // block: values in a block
	shape                       repackShape
}

func (w Matrix) stored() stored {
	info, _ := w.Type.Info()
	s := stored{Matrix: w, typ: weightTypeOf(w.Type), blockBytes: info.Bytes, block: info.Block}
	if info.Block > 0 { // the type exists
		s.rowBytes = w.Cols / info.Block * info.Bytes
	}
	if w.Repacked {
		if shape, ok := w.repackShape(); ok {
			s.shape = shape
		}
	}
	return s
}

// rows16 returns the sixteen interleaved rows with row r among them; nil if the row is not interleaved.
func (w *stored) rows16(r int) []byte {
	if !w.Repacked || r >= w.shape.whole {
		return nil
	}
	return w.Data[r/lanes*w.shape.bytes():][:w.shape.bytes()]
}

// row returns the bytes of row r, which is not interleaved.
func (w *stored) row(r int) []byte {
	if w.Repacked {
		return w.Data[w.shape.rows(r):][:w.rowBytes]
	}
	return w.Data[r*w.rowBytes : (r+1)*w.rowBytes]
}

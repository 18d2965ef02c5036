package kernel

import (
	"fmt"

	"bitmill/formats"
)

// Matrix is weights as a file stores them: Rows rows of Cols values, one after the other, in blocks of Type.
type Matrix struct {
	Type       formats.Type
	Rows, Cols int
	Data       []byte
}

// Scratch is a worker's memory for unpacked weights. The zero value is ready; one goroutine uses it at a time.
type Scratch struct {
	bytes  []uint8
	scales []superScales
	floats []float32
	tiles  tiles
	rows   rowScratch
}

// MatMul computes dst[t*stride+r] = sum_k W[r,k] * x[t,k] for rows r0 <= r < r1 and all tokens t of x. Other
// elements of dst are left alone. x is in the form of FormOf or in that of ExactFormOf. Goroutines with disjoint rows may run at once, each with its own Scratch.
func (s *Set) MatMul(dst []float32, stride int, w Matrix, x *Batch, r0, r1 int, scratch *Scratch) error {
	if err := checkMatMul(dst, stride, w, x, r0, r1); err != nil {
		return fmt.Errorf("product of a %d x %d %s matrix with %d tokens: %w", w.Rows, w.Cols, w.Type, x.n, err)
	}
	if x.n == 0 || r0 == r1 {
		return nil
	}
	if scratch == nil {
		scratch = new(Scratch)
	}
	if w.Cols == 0 {
		s = generic // sums of nothing
	}
	s.matmul(dst, stride, w.stored(), x, r0, r1, scratch)
	return nil
}

func checkMatMul(dst []float32, stride int, w Matrix, x *Batch, r0, r1 int) error {
	form, err := FormOf(w.Type)
	if err != nil {
		return err
	}
	if x.form != form && x.form != FormF32 || x.cols != w.Cols {
		return fmt.Errorf("the batch holds rows of %d in %s; %d in %s are needed", x.cols, x.form, w.Cols, form)
	}
	row, err := w.Type.RowBytes(int64(w.Cols))
	if err != nil {
		return err
	}
	if w.Rows < 0 || int64(len(w.Data)) < row*int64(w.Rows) {
		return fmt.Errorf("%w: the matrix has %d bytes, not %d", formats.ErrCorrupt, len(w.Data), row*int64(w.Rows))
	}
	if r0 < 0 || r1 < r0 || r1 > w.Rows {
		return fmt.Errorf("rows %d to %d are out of range", r0, r1)
	}
	if x.n > 0 && (stride < r1 || len(dst) < (x.n-1)*stride+r1) {
		return fmt.Errorf("a destination of %d with stride %d is too small for row %d", len(dst), stride, r1)
	}
	return nil
}

// stored is a matrix with the sizes of its rows and blocks looked up once.
type stored struct {
	Matrix
	rowBytes, blockBytes, block int // block: values in a block
}

func (w Matrix) stored() stored {
	info, _ := w.Type.Info() // the type has been checked
	return stored{w, w.Cols / info.Block * info.Bytes, info.Bytes, info.Block}
}

// row returns the bytes of row r.
func (w *stored) row(r int) []byte { return w.Data[r*w.rowBytes : (r+1)*w.rowBytes] }

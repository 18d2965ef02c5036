package formats

import (
	"fmt"
	"math"
	"slices"
)

// Tensor describes a tensor as GGUF does: Shape[0] is the row length (columns), Shape[1] the number of rows, further
// dimensions are slower still. A matrix that Hugging Face calls [out, in] has Shape {in, out}.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int64
}

// Cols is the length of a row; 1 for a tensor without dimensions.
func (t Tensor) Cols() int64 {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[0]
}

// Rows is the number of rows, all dimensions but the first multiplied.
func (t Tensor) Rows() int64 {
	n := int64(1)
	for _, d := range t.Shape[min(1, len(t.Shape)):] {
		n *= d
	}
	return n
}

// Dims is the number of dimensions as ggml counts them: trailing dimensions of 1 do not count, the first one always
// does.
func (t Tensor) Dims() int { return len(trim(t.Shape)) }

// Matrices is the number of matrices stacked in the tensor (its experts): all dimensions from the third on multiplied.
func (t Tensor) Matrices() int64 {
	n := int64(1)
	for _, d := range t.Shape[min(2, len(t.Shape)):] {
		n *= d
	}
	return n
}

// SameShape compares shapes without trailing dimensions of 1, which GGUF files do not keep.
func (t Tensor) SameShape(u Tensor) bool { return slices.Equal(trim(t.Shape), trim(u.Shape)) }

// trim drops trailing dimensions of 1.
func trim(shape []int64) []int64 {
	for len(shape) > 1 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	return shape
}

// Elements is the number of values.
func (t Tensor) Elements() int64 { return t.Cols() * t.Rows() }

// Bytes is the size of the data without padding. It fails with ErrUnsupported where RowBytes does.
func (t Tensor) Bytes() (int64, error) {
	row, err := t.Type.RowBytes(t.Cols())
	if err != nil {
		return 0, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return row * t.Rows(), nil
}

// Check verifies that no dimension is negative and that the element and byte counts fit in an int64.
func (t Tensor) Check() error {
	n := int64(1)
	for _, d := range t.Shape {
		if d < 0 || (d > 0 && n > math.MaxInt64/16/d) {
			return fmt.Errorf("tensor %s: %w: shape %v", t.Name, ErrCorrupt, t.Shape)
		}
		n *= d
	}
	return nil
}

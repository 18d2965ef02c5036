package checkpoint

import "bitmill/formats/file"

// Release tells the system that n rows from the first on will not be read again soon, so that a pass over a model
// larger than memory stays small. Permuted and converted tensors are released with their last row.
func (t *Tensor) Release(first, n int64) {
	size, err := t.span(first, n)
	if err != nil {
		return
	}
	switch {
	case t.heads == 0 && t.vector == nil:
		file.Release(t.raw[first*size : (first+n)*size])
	case first+n == t.Rows():
		file.Release(t.raw)
	}
}

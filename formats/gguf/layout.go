package gguf

import (
	"fmt"
	"math"

	"bitmill/formats"
)

const (
	keyAlignment     = "general.alignment"
	defaultAlignment = 32
)

// Layout gives the offsets and sizes in a file.
type Layout struct {
	HeaderBytes int64   // magic to infos, padded: the offset of the data section
	Offsets     []int64 // of each tensor's data, from the start of the file
	Sizes       []int64 // bytes of each tensor's data without padding
	FileBytes   int64   // with the padding of the last tensor, which ggml writes too
}

// NewLayout computes the layout of the file that WriteHeader starts. The alignment is general.alignment of the
// metadata, 32 when it is absent.
func NewLayout(m *Metadata, tensors []formats.Tensor) (*Layout, error) {
	l, _, err := measure(m, tensors)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// place fills Offsets, Sizes and FileBytes after a header of HeaderBytes bytes.
func (l *Layout) place(align int64, tensors []formats.Tensor) error {
	l.Offsets = make([]int64, len(tensors))
	l.Sizes = make([]int64, len(tensors))
	next := l.HeaderBytes
	for i, t := range tensors {
		size, err := sizeOf(t)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		if size > math.MaxInt64-align-next {
			return fmt.Errorf("tensor %s: the file grows beyond 2^63 bytes", t.Name)
		}
		l.Offsets[i], l.Sizes[i] = next, size
		next = roundUp(next+size, align)
	}
	l.FileBytes = next
	return nil
}

// sizeOf is the tensor's data in bytes. It fails when the type is unknown, when a row is not a whole number of blocks,
// and when a dimension is negative or the counts do not fit in an int64.
func sizeOf(t formats.Tensor) (int64, error) {
	n := int64(1)
	for _, d := range t.Shape {
		// An empty dimension counts as one here, so that no product of some dimensions can overflow either; a value
		// takes at most 8 bytes.
		if d < 0 || max(d, 1) > math.MaxInt64/8/n {
			return 0, fmt.Errorf("%w: shape %v", formats.ErrCorrupt, t.Shape)
		}
		n *= max(d, 1)
	}
	row, err := t.Type.RowBytes(t.Cols())
	if err != nil {
		return 0, err
	}
	return row * t.Rows(), nil
}

// alignment reads general.alignment.
func alignment(m *Metadata) (int64, error) {
	v, ok := m.Get(keyAlignment)
	if !ok {
		return defaultAlignment, nil
	}
	a, ok := v.(uint32)
	if !ok {
		return 0, fmt.Errorf("it holds %s, not u32", TypeName(v))
	}
	if a == 0 || a&(a-1) != 0 {
		return 0, fmt.Errorf("%d is not a power of two", a)
	}
	return int64(a), nil
}

// roundUp is the next multiple of align, a power of two.
func roundUp(n, align int64) int64 { return (n + align - 1) &^ (align - 1) }

package gguf

import (
	"fmt"
	"io"

	"bitmill/formats"
)

// WriteHeader writes everything before the data: Layout.HeaderBytes bytes of GGUF version 3, the same that ggml
// writes. Trailing dimensions of 1 are dropped, as ggml does, down to one dimension.
func WriteHeader(w io.Writer, m *Metadata, tensors []formats.Tensor) (*Layout, error) {
	b, l, err := encodeHeader(m, tensors)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := writeZeros(w, l.HeaderBytes-int64(len(b))); err != nil {
		return nil, err
	}
	return l, nil
}

// writeZeros writes n zero bytes; general.alignment may ask for more than fits in memory.
func writeZeros(w io.Writer, n int64) error {
	zeros := make([]byte, min(n, 1<<12))
	for n > 0 {
		k, err := w.Write(zeros[:min(n, int64(len(zeros)))])
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}

// Write writes a whole small file. data(i) returns the bytes of tensor i, which must be as many as its type and shape
// say; it is called once per tensor, in order.
func Write(w io.Writer, m *Metadata, tensors []formats.Tensor, data func(i int) ([]byte, error)) error {
	l, err := WriteHeader(w, m, tensors)
	if err != nil {
		return err
	}
	for i, t := range tensors {
		b, err := data(i)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		if int64(len(b)) != l.Sizes[i] {
			return fmt.Errorf("tensor %s: %d bytes of data for %s %v, which takes %d", t.Name, len(b), t.Type, t.Shape,
				l.Sizes[i])
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		end := l.FileBytes
		if i+1 < len(tensors) {
			end = l.Offsets[i+1]
		}
		if err := writeZeros(w, end-l.Offsets[i]-l.Sizes[i]); err != nil {
			return err
		}
	}
	return nil
}

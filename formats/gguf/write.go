package gguf

import (
	"encoding/binary"
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
			return fmt.Errorf("tensor %s: %d bytes of data for %s %v, which takes %d", t.Name, len(b), t.Type, t.Shape, l.Sizes[i])
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

// encodeHeader builds the header in memory, without its padding: some 10 MB for the largest vocabularies.
func encodeHeader(m *Metadata, tensors []formats.Tensor) ([]byte, *Layout, error) {
	align, err := alignment(m)
	if err != nil {
		return nil, nil, fmt.Errorf("metadata key %s: %w", keyAlignment, err)
	}
	le := binary.LittleEndian
	b := append([]byte(nil), "GGUF"...)
	b = le.AppendUint32(b, 3)
	b = le.AppendUint64(b, uint64(len(tensors)))
	b = le.AppendUint64(b, uint64(m.Len()))
	for _, key := range m.Keys() {
		if key == "" || len(key) > maxKey {
			return nil, nil, fmt.Errorf("metadata key %.40q: a key takes 1 to %d bytes", key, maxKey)
		}
		v, _ := m.Get(key)
		b = appendText(b, key)
		if b, err = appendTyped(b, v); err != nil {
			return nil, nil, fmt.Errorf("metadata key %s: %w", key, err)
		}
	}
	// Offsets count from the start of the data section, so the infos can be laid out before the header's length is
	// known.
	l := &Layout{}
	if err := l.place(align, tensors); err != nil {
		return nil, nil, err
	}
	seen := make(map[string]bool, len(tensors))
	for i, t := range tensors {
		if len(t.Name) > maxName || seen[t.Name] {
			return nil, nil, fmt.Errorf("tensor name %q: it must take at most %d bytes and occur once", t.Name, maxName)
		}
		seen[t.Name] = true
		if b, err = appendInfo(b, t, l.Offsets[i]); err != nil {
			return nil, nil, err
		}
	}
	l.HeaderBytes = roundUp(int64(len(b)), align)
	if err := l.place(align, tensors); err != nil {
		return nil, nil, err
	}
	return b, l, nil
}

func appendInfo(b []byte, t formats.Tensor, offset int64) ([]byte, error) {
	shape := t.Shape
	for len(shape) > 1 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	if len(shape) == 0 {
		shape = []int64{1}
	}
	if len(shape) > maxDims {
		return nil, fmt.Errorf("tensor %s: %w: %d dimensions; GGUF has at most %d", t.Name, formats.ErrUnsupported, len(shape), maxDims)
	}
	le := binary.LittleEndian
	b = appendText(b, t.Name)
	b = le.AppendUint32(b, uint32(len(shape)))
	for _, d := range shape {
		b = le.AppendUint64(b, uint64(d))
	}
	b = le.AppendUint32(b, uint32(t.Type))
	return le.AppendUint64(b, uint64(offset)), nil
}

func appendText(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(len(s)))
	return append(b, s...)
}

// appendTyped appends a value after its kind.
func appendTyped(b []byte, v any) ([]byte, error) {
	k, _, ok := kindOf(v)
	if !ok {
		return nil, fmt.Errorf("the Go type %T stands for no GGUF type", v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(k))
	switch {
	case k == kindArray:
		return appendArray(b, v, 1)
	case k == kindString:
		return appendText(b, v.(string)), nil
	}
	return binary.Append(b, binary.LittleEndian, v)
}

// appendArray appends the kind of the elements, their number and the elements.
func appendArray(b []byte, v any, depth int) ([]byte, error) {
	k, element, ok := kindOf(v)
	if !ok || k != kindArray {
		return nil, fmt.Errorf("an array of arrays holds a %T, which is no array", v)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("arrays are nested deeper than %d", maxDepth)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(element))
	switch v := v.(type) {
	case []string:
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
		for _, s := range v {
			b = appendText(b, s)
		}
		return b, nil
	case []any:
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
		var err error
		for _, inner := range v {
			if b, err = appendArray(b, inner, depth+1); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	size := binary.Size(v)
	b = binary.LittleEndian.AppendUint64(b, uint64(int64(size)/kinds[element].bytes))
	return binary.Append(b, binary.LittleEndian, v)
}

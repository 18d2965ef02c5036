package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// Write writes a file with the tensors in the given order; File and Offset are not read. The header is padded with
// spaces so that the data starts at a multiple of 8, as the format's own library does.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

// encodeHeader writes the object by hand to keep the order of the tensors.
func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 8))
	b.WriteByte('{')
	if len(metadata) > 0 {
		fmt.Fprintf(b, "%q:", metadataKey)
		if err := appendJSON(b, metadata); err != nil { // sorts the keys
			return nil, err
		}
	}
	seen := map[string]bool{metadataKey: true}
	next := uint64(0)
	for _, t := range tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor name %q is taken", t.Name)
		}
		seen[t.Name] = true
		i := info{DType: t.DType, Shape: append([]int64{}, t.Shape...), Offsets: []uint64{next, next + uint64(len(t.Data))}}
		size, err := i.bytes("safetensors")
		if err != nil {
			return nil, err
		}
		if size != uint64(len(t.Data)) {
			return nil, fmt.Errorf("tensor %s: %d bytes of data for %s %v, which takes %d", t.Name, len(t.Data), t.DType, t.Shape, size)
		}
		if b.Len() > len("12345678{") {
			b.WriteByte(',')
		}
		if err := appendJSON(b, t.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := appendJSON(b, i); err != nil {
			return nil, err
		}
		next += uint64(len(t.Data))
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), nil
}

// appendJSON appends v without spaces, line end or HTML escapes.
func appendJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1)
	return nil
}

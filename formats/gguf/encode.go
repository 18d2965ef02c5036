package gguf

import (
	"encoding/binary"
	"fmt"

	"bitmill/formats"
)

// encodeHeader builds the header in memory, without its padding: some 10 MB for the largest vocabularies.
func encodeHeader(m *Metadata, tensors []formats.Tensor) ([]byte, *Layout, error) {
	l, n, err := measure(m, tensors)
	if err != nil {
		return nil, nil, err
	}
	e := encoder{b: make([]byte, 0, n)}
	if err := e.header(m, tensors, l); err != nil {
		return nil, nil, err
	}
	return e.b, l, nil
}

// measure computes the layout, and the length of the header without its padding, by a dry run of the encoder.
func measure(m *Metadata, tensors []formats.Tensor) (*Layout, int64, error) {
	align, err := alignment(m)
	if err != nil {
		return nil, 0, fmt.Errorf("metadata key %s: %w", keyAlignment, err)
	}
	l := &Layout{}
	if err := l.place(align, tensors); err != nil {
		return nil, 0, err
	}
	e := encoder{dry: true}
	if err := e.header(m, tensors, l); err != nil {
		return nil, 0, err
	}
	l.HeaderBytes = roundUp(e.n, align)
	return l, e.n, l.place(align, tensors)
}

// encoder appends to b, or only counts into n.
type encoder struct {
	b   []byte
	n   int64
	dry bool
}

func (e *encoder) u32(v uint32) {
	e.n += 4
	if !e.dry {
		e.b = binary.LittleEndian.AppendUint32(e.b, v)
	}
}

func (e *encoder) u64(v uint64) {
	e.n += 8
	if !e.dry {
		e.b = binary.LittleEndian.AppendUint64(e.b, v)
	}
}

func (e *encoder) text(s string) {
	e.u64(uint64(len(s)))
	e.n += int64(len(s))
	if !e.dry {
		e.b = append(e.b, s...)
	}
}

// fixed appends a number, a bool, or a slice of them, size bytes in all.
func (e *encoder) fixed(v any, size int) (err error) {
	e.n += int64(size)
	if !e.dry {
		e.b, err = binary.Append(e.b, binary.LittleEndian, v)
	}
	return err
}

func (e *encoder) header(m *Metadata, tensors []formats.Tensor, l *Layout) error {
	e.u32(binary.LittleEndian.Uint32([]byte("GGUF")))
	e.u32(3)
	e.u64(uint64(len(tensors)))
	e.u64(uint64(m.Len()))
	for _, key := range m.Keys() {
		if key == "" || len(key) > maxKey {
			return fmt.Errorf("metadata key %.40q: a key takes 1 to %d bytes", key, maxKey)
		}
		e.text(key)
		v, _ := m.Get(key)
		if err := e.value(v); err != nil {
			return fmt.Errorf("metadata key %s: %w", key, err)
		}
	}
	seen := make(map[string]bool, len(tensors))
	for i, t := range tensors {
		if len(t.Name) > maxName || seen[t.Name] {
			return fmt.Errorf("tensor name %q: it must take at most %d bytes and occur once", t.Name, maxName)
		}
		seen[t.Name] = true
		// Offsets count from the data section, so they are right even before the header's length is known.
		if err := e.info(t, l.Offsets[i]-l.HeaderBytes); err != nil {
			return err
		}
	}
	return nil
}

// info appends the description of a tensor; offset is that of its data in the data section.
func (e *encoder) info(t formats.Tensor, offset int64) error {
	shape := t.Shape
	for len(shape) > 1 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	if len(shape) == 0 {
		shape = []int64{1}
	}
	if len(shape) > maxDims {
		return fmt.Errorf("tensor %s: %w: %d dimensions; GGUF has at most %d", t.Name, formats.ErrUnsupported, len(shape),
			maxDims)
	}
	e.text(t.Name)
	e.u32(uint32(len(shape)))
	for _, d := range shape {
		e.u64(uint64(d))
	}
	e.u32(uint32(t.Type))
	e.u64(uint64(offset))
	return nil
}

// value appends a metadata value after its type.
func (e *encoder) value(v any) error {
	k, _, ok := valueTypeOf(v)
	if !ok {
		return fmt.Errorf("no GGUF type corresponds to the Go type %T", v)
	}
	e.u32(uint32(k))
	switch k {
	case typeArray:
		return e.array(v, 1)
	case typeString:
		e.text(v.(string))
		return nil
	}
	return e.fixed(v, int(valueTypes[k].bytes))
}

// array appends the type of the elements, their number and the elements.
func (e *encoder) array(v any, depth int) error {
	k, element, ok := valueTypeOf(v)
	if !ok || k != typeArray {
		return fmt.Errorf("an array of arrays holds a %T, which is not an array", v)
	}
	if depth > maxDepth {
		return fmt.Errorf("arrays are nested deeper than %d", maxDepth)
	}
	e.u32(uint32(element))
	switch v := v.(type) {
	case []string:
		e.u64(uint64(len(v)))
		for _, s := range v {
			e.text(s)
		}
		return nil
	case []any:
		e.u64(uint64(len(v)))
		for _, inner := range v {
			if err := e.array(inner, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	size := binary.Size(v)
	e.u64(uint64(int64(size) / valueTypes[element].bytes))
	return e.fixed(v, size)
}

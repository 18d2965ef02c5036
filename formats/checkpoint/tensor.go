package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/file"
	"bitmill/formats/prequant"
)

// Tensor is one tensor of a checkpoint under its GGUF name. Type is the type of a Hugging Face matrix as it is stored
// (F32, F16 or BF16), F32 for vectors, and whatever a GGUF source has. Methods may be called concurrently.
type Tensor struct {
	formats.Tensor
	Source string // the name in the source: Hugging Face's, or the GGUF name
	Shard  int    // which of the source's files holds it, from 0

	parts     [][]byte     // as the source stores it, one part after the other; nil without data
	stored    formats.Type // of the parts
	layout    arch.Layout
	converted *converted // a tensor whose values are converted when first read

	derived []prequant.Matrix // instead of parts
}

// converted holds the F32 data of a converted tensor.
type converted struct {
	once sync.Once
	data []byte
	err  error
}

// Bytes is the data when it lies in memory exactly as an artifact stores it; nil when rows lie otherwise, or without
// data (a plan). Read such rows with ReadRows or Floats.
func (t *Tensor) Bytes() []byte {
	switch {
	case t.converted != nil:
		t.converted.once.Do(t.convert)
		return t.converted.data
	case len(t.parts) != 1 || !t.layout.Plain():
		return nil
	}
	return t.parts[0]
}

// Matrix is the data of matrix i of a stack, an expert's, when it lies in memory exactly as an artifact stores it;
// else nil.
func (t *Tensor) Matrix(i int64) []byte {
	n := t.Matrices()
	if data := t.Bytes(); data != nil {
		size := int64(len(data)) / n
		return data[i*size : (i+1)*size]
	}
	if int64(len(t.parts)) == n && t.layout.Plain() {
		return t.parts[i]
	}
	return nil
}

// HasData reports whether the tensor can be read: it cannot in a plan.
func (t *Tensor) HasData() bool { return t.parts != nil || t.derived != nil || t.Elements() == 0 }

// storedBytes is the size of the data in the source; of derived rows, that of their values.
func (t *Tensor) storedBytes() (n int) {
	for _, p := range t.parts {
		n += len(p)
	}
	if t.derived != nil {
		n = int(t.Elements()) * t.stored.BlockBytes()
	}
	return n
}

// ReadRows copies n rows from the first on, in type t.Type. len(dst) must be n times the row's bytes.
func (t *Tensor) ReadRows(dst []byte, first, n int64) error {
	size, err := t.span(first, n)
	if err != nil {
		return err
	}
	if int64(len(dst)) != n*size {
		return fmt.Errorf("tensor %s: %d rows take %d bytes, not %d", t.Name, n, n*size, len(dst))
	}
	if data := t.Bytes(); data != nil {
		copy(dst, data[first*size:])
		return nil
	}
	if t.derived != nil && t.layout.Plain() {
		t.deriveRows(dst, first, n)
		return nil
	}
	for i := range n {
		t.readRow(dst[i*size:(i+1)*size], first+i)
	}
	return nil
}

// Floats decodes n rows from the first on. len(dst) must be n times the columns.
func (t *Tensor) Floats(dst []float32, first, n int64) error {
	size, err := t.span(first, n)
	if err != nil {
		return err
	}
	cols := t.Cols()
	if int64(len(dst)) != n*cols {
		return fmt.Errorf("tensor %s: %d rows hold %d values, not %d", t.Name, n, n*cols, len(dst))
	}
	if data := t.Bytes(); data != nil {
		err = block.Decode(t.Type, dst, data[first*size:(first+n)*size])
	} else if t.derived != nil && t.Type == formats.F32 && t.layout.Plain() {
		t.deriveFloats(dst, first, n)
	} else {
		row := make([]byte, size)
		for i := int64(0); i < n && err == nil; i++ {
			t.readRow(row, first+i)
			err = block.Decode(t.Type, dst[i*cols:(i+1)*cols], row)
		}
	}
	if err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return nil
}

// span checks a range of rows and returns a row's size in bytes.
func (t *Tensor) span(first, n int64) (size int64, err error) {
	if !t.HasData() {
		return 0, fmt.Errorf("tensor %s: there is no data, only a plan", t.Name)
	}
	if first < 0 || n < 0 || first > t.Rows()-n {
		return 0, fmt.Errorf("tensor %s: rows %d to %d of %d", t.Name, first, first+n, t.Rows())
	}
	if t.converted != nil {
		if t.Bytes(); t.converted.err != nil {
			return 0, t.converted.err
		}
	}
	size, err = t.Type.RowBytes(t.Cols())
	if err != nil {
		return 0, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return size, nil
}

// convert makes the tensor's F32 bytes.
func (t *Tensor) convert() {
	var values []float32
	for _, p := range t.parts {
		part := make([]float32, len(p)/max(1, t.stored.BlockBytes())*t.stored.BlockLen())
		if err := block.Decode(t.stored, part, p); err != nil {
			t.converted.err = fmt.Errorf("tensor %s: %w", t.Name, err)
			return
		}
		values = append(values, part...)
	}
	n := t.Elements()
	out := make([]byte, 0, 4*n)
	for i := range n {
		v := values[t.layout.Row(i, n)] + t.layout.Add
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	t.converted.data = out
}

// Release tells the system that n rows from the first on will not be read again soon, so that a pass over a model
// larger than memory stays small. Rows that lie otherwise in the source are released with the last one; of a stack,
// with the last one of their part.
func (t *Tensor) Release(first, n int64) {
	if t.derived != nil && first+n == t.Rows() {
		t.releaseDerived()
	}
	size, err := t.span(first, n)
	if err != nil || len(t.parts) == 0 {
		return
	}
	if t.converted == nil && t.layout.Plain() {
		per := t.Rows() / int64(len(t.parts))
		for at := first; at < first+n; {
			end := min(first+n, at/per*per+per)
			file.Release(t.parts[at/per][at%per*size : (at%per+end-at)*size])
			at = end
		}
		return
	}
	if first+n == t.Rows() {
		for _, p := range t.parts {
			file.Release(p)
		}
	}
}

// releaseDerived lets go of what derived rows are made of.
func (t *Tensor) releaseDerived() {
	for _, m := range t.derived {
		for _, b := range m.Stored() {
			file.Release(b)
		}
	}
}

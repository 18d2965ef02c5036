package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
)

// Tensor is one tensor of a checkpoint under its GGUF name. Type is the type of a Hugging Face matrix as it is stored
// (F32, F16 or BF16), F32 for vectors, and whatever a GGUF source has. Methods may be called concurrently.
type Tensor struct {
	formats.Tensor
	Source string // the name in the source: Hugging Face's, or the GGUF name
	Shard  int    // which of the source's files holds it, from 0

	raw    []byte       // as the source stores it; nil without data
	stored formats.Type // of raw
	heads  int          // when positive, rows (of a vector: values) are permuted within each of so many heads
	vector *vector      // a vector that is converted when first read
}

// vector holds a converted vector.
type vector struct {
	once sync.Once
	data []byte
	err  error
}

// Bytes is the data when it lies in memory exactly as an artifact stores it; nil when rows are permuted, or without
// data (a plan). Read permuted rows with ReadRows or Floats.
func (t *Tensor) Bytes() []byte {
	switch {
	case t.vector != nil:
		t.vector.once.Do(t.convert)
		return t.vector.data
	case t.heads > 0:
		return nil
	}
	return t.raw
}

// HasData reports whether the tensor can be read: it cannot in a plan.
func (t *Tensor) HasData() bool { return t.raw != nil || t.Elements() == 0 }

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
	for i := range n {
		at := t.sourceRow(first+i) * size
		copy(dst[i*size:(i+1)*size], t.raw[at:])
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
	}
	for i := int64(0); t.Bytes() == nil && i < n && err == nil; i++ {
		at := t.sourceRow(first+i) * size
		err = block.Decode(t.Type, dst[i*cols:(i+1)*cols], t.raw[at:at+size])
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
	if t.vector != nil {
		if t.Bytes(); t.vector.err != nil {
			return 0, t.vector.err
		}
	}
	size, err = t.Type.RowBytes(t.Cols())
	if err != nil {
		return 0, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return size, nil
}

// sourceRow finds where row r of the tensor lies in the source.
func (t *Tensor) sourceRow(r int64) int64 {
	if t.heads == 0 {
		return r
	}
	return halves(r, t.Rows()/int64(t.heads))
}

// halves turns the place of a row in a head of d rows whose pairs are neighbours, (2j, 2j+1), into its place in one
// whose pairs are half a head apart, (j, j+d/2): the order of Hugging Face checkpoints.
func halves(r, d int64) int64 {
	in := r % d
	return r - in + in%2*(d/2) + in/2
}

// convert makes the vector's F32 bytes.
func (t *Tensor) convert() {
	n := t.Elements()
	values := make([]float32, n)
	if t.vector.err = block.Decode(t.stored, values, t.raw); t.vector.err != nil {
		t.vector.err = fmt.Errorf("tensor %s: %w", t.Name, t.vector.err)
		return
	}
	out := make([]byte, 0, 4*n)
	for i := range n {
		from := i
		if t.heads > 0 {
			from = halves(i, n/int64(t.heads))
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(values[from]))
	}
	t.vector.data = out
}

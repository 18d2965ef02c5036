package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/file"
	"bitmill/formats/prequant"
	"bitmill/formats/store"
)

// Tensor is one tensor of a checkpoint under its GGUF name. From a Hugging Face folder, matrices keep their type (F32,
// F16 or BF16) and vectors are F32; a GGUF file's tensors keep theirs. Methods may be called concurrently.
type Tensor struct {
	formats.Tensor
	Source string // the name in the source: Hugging Face's, or the GGUF name
	Shard  int    // number of its file in the source, from 0

	parts     [][]byte     // as the source stores it, one part after the other; nil without data
	stored    formats.Type // of the parts
	layout    arch.Layout
	converted *converted // of a tensor that is converted when first read

	derived []prequant.Matrix // instead of parts: they compute rows on demand
}

// converted holds the F32 data of a converted tensor.
type converted struct {
	once sync.Once
	data []byte
	err  error
}

// Bytes is the data if it lies in memory exactly as an artifact stores it; otherwise, and for a plan, nil. ReadRows and
// Floats read every tensor that has data.
func (t *Tensor) Bytes() []byte {
	switch {
	case t.converted != nil:
		t.converted.once.Do(t.convert)
		return t.converted.data
	case len(t.parts) != 1 || !t.layout.Plain() || store.Remote(t.parts[0]):
		return nil
	}
	return t.parts[0]
}

// Matrix is the data of matrix i of a stack, an expert's, if it lies in memory exactly as an artifact stores it;
// otherwise nil.
func (t *Tensor) Matrix(i int64) []byte {
	n := t.Matrices()
	if data := t.Bytes(); data != nil {
		size := int64(len(data)) / n
		return data[i*size : (i+1)*size]
	}
	if int64(len(t.parts)) == n && t.layout.Plain() && !store.Remote(t.parts[i]) {
		return t.parts[i]
	}
	return nil
}

// HasData reports whether the tensor can be read. In a plan it cannot.
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

// ReadRows copies n rows from row first on, in type t.Type. len(dst) must be n times the bytes of a row.
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
	release, err := t.hold(first, n)
	if err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	defer release()
	if t.derived != nil && t.layout.Plain() {
		t.deriveRows(dst, first, n)
		return nil
	}
	for i := range n {
		t.readRow(dst[i*size:(i+1)*size], first+i)
	}
	return nil
}

// Floats decodes n rows from row first on. len(dst) must be n times the columns.
func (t *Tensor) Floats(dst []float32, first, n int64) error {
	size, err := t.span(first, n)
	if err != nil {
		return err
	}
	cols := t.Cols()
	if int64(len(dst)) != n*cols {
		return fmt.Errorf("tensor %s: %d rows hold %d values, not %d", t.Name, n, n*cols, len(dst))
	}
	data := t.Bytes()
	if data == nil {
		release, err := t.hold(first, n)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		defer release()
	}
	if data != nil {
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
	release, err := store.Hold(t.parts...)
	if err != nil {
		t.converted.err = fmt.Errorf("tensor %s: %w", t.Name, err)
		return
	}
	defer release()
	var values []float32
	for _, p := range t.parts {
		part := make([]float32, len(p)/max(1, t.stored.BlockBytes())*t.stored.BlockLen())
		if err := block.Decode(t.stored, part, p); err != nil {
			t.converted.err = fmt.Errorf("tensor %s: %w", t.Name, err)
			return
		}
		values = append(values, part...)
	}
	n, cols := t.Elements(), t.layoutCols()
	out := make([]byte, 0, 4*n)
	for i := range n {
		v := values[t.layout.Row(i/cols, n/cols)*cols+i%cols] + t.layout.Add
		if t.layout.MinusExp {
			v = -float32(math.Exp(float64(v)))
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	t.converted.data = out
}

// layoutCols is the number of values that the layout moves together: a row of a matrix, one of vectors and biases.
func (t *Tensor) layoutCols() int64 {
	if len(t.Shape) == 1 || !strings.HasSuffix(t.Name, ".weight") {
		return 1
	}
	return max(1, t.Cols())
}

// Release tells the system that n rows from row first on will not be read again soon, so that a pass over a model
// larger than memory takes little of it. Rows that lie in another order in the source are released with the last row;
// those of a stack, with the last row of their part.
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

// releaseDerived releases the stored data that derived rows are made from.
func (t *Tensor) releaseDerived() {
	for _, m := range t.derived {
		for _, b := range m.Stored() {
			file.Release(b)
		}
	}
}

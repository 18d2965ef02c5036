package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/lora"
	"bitmill/formats/prequant"
)

// Metadata keys of a model that an adapter was merged into.
const (
	AdapterKey     = "bitmill.lora.sha256" // str, lora.Adapter.Hash
	AdapterBaseKey = "bitmill.lora.base"   // str, the model that the adapter was made for, as it says
)

// guard fails when the matrices are quantized already and nobody allowed to quantize them again.
func (c *Checkpoint) guard(o OpenOptions) error {
	if c.Quantized == "" || o.AllowRequantize {
		return nil
	}
	return fmt.Errorf("%w: the weights are quantized already (%s); start from the model that they were made from, or accept the loss with --allow-requantize",
		formats.ErrUnsupported, c.Quantized)
}

// merge puts an adapter into the tensors of a folder.
func (c *Checkpoint) merge(tensors []prequant.Tensor, dir string) error {
	if dir == "" {
		return nil
	}
	a, err := lora.Open(dir)
	if err != nil {
		return err
	}
	c.adapter = a
	folder := c.close
	c.close = func() error { return errors.Join(folder(), a.Close()) }
	c.files = append(c.files, a.Files...)
	return a.Merge(tensors)
}

// recordAdapter says in the metadata that an adapter was merged, and which.
func (c *Checkpoint) recordAdapter() {
	if c.adapter == nil {
		return
	}
	c.Metadata.Set(AdapterKey, c.adapter.Hash)
	if c.adapter.Base != "" {
		c.Metadata.Set(AdapterBaseKey, c.adapter.Base)
	}
}

// derive makes the tensor one of derived rows; those of float tensors are F32.
func (t *Tensor) derive(sources []source, float bool) error {
	if t.layout.Columns > 0 || t.layout.Nibbles || t.layout.Add != 0 {
		return fmt.Errorf("tensor %s: %w: it is stored in another order than derived rows can have", sources[0].name, formats.ErrUnsupported)
	}
	for _, s := range sources {
		m := s.matrix
		if m == nil {
			var err error
			if m, err = prequant.Plain(s.typ, s.shape[0], s.shape[1], s.data); err != nil {
				return fmt.Errorf("tensor %s: %w", s.name, err)
			}
		}
		t.derived = append(t.derived, m)
	}
	if float {
		t.Type, t.stored = formats.F32, formats.F32
	}
	return nil
}

// sourceRow is the bytes of a row of the source, sourceRows how many rows it has: more than the tensor's where several
// tensors share it.
func (t *Tensor) sourceRow() int64 { return t.Cols() * int64(t.stored.BlockBytes()) }

func (t *Tensor) sourceRows() (n int64) {
	for _, m := range t.derived {
		rows, _ := m.Shape()
		n += rows
	}
	return n
}

// scanRows is how many rows make a chunk of a scan.
func (t *Tensor) scanRows() int64 { return max(1, scanChunk/max(1, t.sourceRow())) }

// deriveRows writes n rows from the source's row first on, in type t.Type.
func (t *Tensor) deriveRows(dst []byte, first, n int64) {
	values := make([]float32, n*t.Cols())
	t.deriveFloats(values, first, n)
	put(t.Type, dst, values)
}

// deriveFloats writes them before they are rounded to t.Type.
func (t *Tensor) deriveFloats(dst []float32, first, n int64) {
	for _, m := range t.derived {
		rows, cols := m.Shape()
		if k := min(n, rows-first); k > 0 {
			m.Rows(dst[:k*cols], first, k)
			dst, first, n = dst[k*cols:], first+k, n-k
		}
		first -= rows
	}
}

// deriveRow writes row r of the tensor.
func (t *Tensor) deriveRow(dst []byte, r int64) {
	if len(t.derived) == 1 {
		r = t.layout.Row(r, t.Rows())
	}
	t.deriveRows(dst, r, 1)
}

// put rounds values to a type without blocks.
func put(typ formats.Type, dst []byte, values []float32) {
	for i, v := range values {
		switch typ {
		case formats.F16:
			binary.LittleEndian.PutUint16(dst[2*i:], block.F16(v))
		case formats.BF16:
			binary.LittleEndian.PutUint16(dst[2*i:], block.BF16(v))
		default:
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	}
}

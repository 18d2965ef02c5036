package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/lora"
	"bitmill/formats/prequant"
)

// Metadata keys of a model with a merged adapter.
const (
	AdapterKey     = "bitmill.lora.sha256" // str, lora.Adapter.Hash
	AdapterBaseKey = "bitmill.lora.base"   // str, the base model that the adapter names
)

// guard refuses a quantized checkpoint unless the options allow it.
func (c *Checkpoint) guard(o OpenOptions) error {
	if c.Quantized == "" || o.AllowRequantize {
		return nil
	}
	return fmt.Errorf("%w: the weights are quantized already (%s); start from the model that they were made from, "+
		"or accept the loss with --allow-requantize",
		formats.ErrUnsupported, c.Quantized)
}

// merge merges an adapter into the tensors of a folder.
func (c *Checkpoint) merge(h *arch.HFConfig, tensors []prequant.Tensor, dir string) ([]prequant.Tensor, error) {
	if dir == "" {
		return tensors, nil
	}
	a, err := lora.Open(dir)
	if err != nil {
		return nil, err
	}
	c.adapter = a
	folder := c.close
	c.close = func() error { return errors.Join(folder(), a.Close()) }
	c.files = append(c.files, a.Files...)
	c.Warnings = append(c.Warnings, a.Warnings...)
	dropped := a.Rename(func(name string) (string, bool) {
		as := c.names.Table(name)
		return as, as == outputSource || c.names.Extra(name) == ""
	})
	if len(dropped) > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("adapter %s also changes parts that are left out of the model: %s", dir,
			some(dropped)))
	}
	if h.Tied {
		if tensors, err = c.untie(h, tensors); err != nil {
			return nil, err
		}
	}
	return tensors, a.Merge(tensors)
}

// The names of the two matrices that can be tied.
const (
	embeddingSource = "model.embed_tokens.weight"
	outputSource    = "lm_head.weight"
)

// untie gives the model an output matrix of its own where the adapter changes one end of the tied matrix, or both in
// different ways.
func (c *Checkpoint) untie(h *arch.HFConfig, tensors []prequant.Tensor) ([]prequant.Tensor, error) {
	tensors, untied := c.adapter.Untie(tensors, embeddingSource, outputSource)
	if !untied {
		return tensors, nil
	}
	if h.AlwaysTied() {
		return nil, fmt.Errorf("adapter %s: %w: it changes embedding and output matrix in different ways, and they are one "+
			"tensor in every model of the architecture %s", c.adapter.Path, formats.ErrUnsupported, c.Config.Arch)
	}
	h.Tied, c.Config.Tied = false, false
	c.Warnings = append(c.Warnings, fmt.Sprintf("adapter %s changes embedding and output matrix in different ways, which "+
		"config.json ties; the model gets an output matrix of its own, as in peft", c.adapter.Path))
	return tensors, nil
}

// recordAdapter records the merged adapter in the metadata.
func (c *Checkpoint) recordAdapter() {
	if c.adapter == nil {
		return
	}
	c.Metadata.Set(AdapterKey, c.adapter.Hash)
	if c.adapter.Base != "" {
		c.Metadata.Set(AdapterBaseKey, c.adapter.Base)
	}
}

// derive makes the tensor one whose rows are derived from its sources when read; float forces F32.
func (t *Tensor) derive(sources []source, float bool) error {
	if t.layout.Columns > 0 || t.layout.Nibbles || t.layout.Add != 0 || t.layout.MinusExp {
		return fmt.Errorf("tensor %s: %w: quantized or merged weights cannot be reordered as this tensor needs it",
			sources[0].name, formats.ErrUnsupported)
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

// sourceRow is the size of a source row in bytes, sourceRows the number of source rows: more than the tensor has where
// several tensors share the source.
func (t *Tensor) sourceRow() int64 { return t.Cols() * int64(t.stored.BlockBytes()) }

func (t *Tensor) sourceRows() (n int64) {
	for _, m := range t.derived {
		rows, _ := m.Shape()
		n += rows
	}
	return n
}

// scanRows is the number of rows in a chunk of a scan.
func (t *Tensor) scanRows() int64 { return max(1, scanChunk/max(1, t.sourceRow())) }

// deriveRows writes n source rows from first on, in type t.Type.
func (t *Tensor) deriveRows(dst []byte, first, n int64) {
	values := make([]float32, n*t.Cols())
	t.deriveFloats(values, first, n)
	put(t.Type, dst, values)
}

// deriveFloats writes the same rows before they are rounded to t.Type.
func (t *Tensor) deriveFloats(dst []float32, first, n int64) {
	if f := t.layout.Factors; f != nil {
		defer func(dst []float32, first int64) {
			for r, cols := int64(0), t.Cols(); r*cols < int64(len(dst)); r++ {
				multiply(dst[r*cols:(r+1)*cols], f.Of(first+r), false)
			}
		}(dst, first)
	}
	for _, m := range t.derived {
		rows, cols := m.Shape()
		if k := min(n, rows-first); k > 0 {
			m.Rows(dst[:k*cols], first, k)
			dst, first, n = dst[k*cols:], first+k, n-k
		}
		first -= rows
	}
}

// deriveRow writes row r of the tensor, in type t.Type.
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

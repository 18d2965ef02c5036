package checkpoint

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/block"
)

// NotFiniteError names the first NaN or infinite value of a model, or the first block with such a scale.
type NotFiniteError struct {
	Path, Tensor string
	Type         formats.Type
	Row, Column  int64 // of the value, or of the block's first value
	Value        float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s: tensor %s holds %v in row %d, column %d: the source is damaged", e.Path, e.Tensor, e.Value,
		e.Row, e.Column)
}

func (e *NotFiniteError) Unwrap() error { return formats.ErrCorrupt }

// CheckFinite fails with a NotFiniteError when a value of the model, or the scale of a block, is NaN or infinite. It
// reads all data unless a Scan did.
func (c *Checkpoint) CheckFinite(ctx context.Context, o ScanOptions) error {
	if err := c.Scan(ctx, o); err != nil {
		return err
	}
	if c.scan.bad != nil {
		return c.scan.bad
	}
	return nil
}

// bad describes the first block that is not finite; nil when all are.
func (r *reading) bad() *NotFiniteError {
	for i, n := range r.first {
		if n < 0 {
			continue
		}
		t := &r.c.Tensors[i]
		e := &NotFiniteError{Path: r.c.Path, Tensor: t.Name, Type: t.stored}
		e.Row, e.Column = t.place(n * int64(t.stored.BlockLen()))
		e.Value = notFiniteValue(t.stored, t.blockAt(n))
		return e
	}
	return nil
}

// blockAt is block n of the source's data.
func (t *Tensor) blockAt(n int64) []byte {
	size := int64(t.stored.BlockBytes())
	at := n * size
	release, err := t.holdAll()
	if err != nil {
		return make([]byte, size)
	}
	defer release()
	if t.derived != nil {
		row := make([]byte, t.sourceRow())
		t.deriveRows(row, at/t.sourceRow(), 1)
		return row[at%t.sourceRow():][:size]
	}
	for _, p := range t.parts {
		if at < int64(len(p)) {
			return bytes.Clone(p[at : at+size])
		}
		at -= int64(len(p))
	}
	return nil
}

// place finds the tensor's row and column that hold value i of the source.
func (t *Tensor) place(i int64) (row, column int64) {
	l, cols, n := t.layout, max(1, t.Cols()), t.Elements()
	switch {
	case l.Plain():
		return i / cols, i % cols
	case l.Nibbles: // a scale, behind all codes
		blocks := cols / 32
		row = (i - int64(len(t.parts[0]))) / max(1, blocks)
		return (row - l.First) / max(1, l.Step), i % max(1, blocks) * 32
	case t.converted != nil && t.layoutCols() == 1: // values are laid out as rows are
		for v := range n {
			if l.Row(v, n) == i {
				return v / cols, v % cols
			}
		}
	case l.Columns > 0:
		rows := t.Rows() / t.Matrices()
		matrix := i / (cols * l.Columns)
		return matrix*rows + (i%l.Columns-l.First)/max(1, l.Step), i / l.Columns % cols
	}
	for row := range t.Rows() {
		if l.Row(row, t.Rows()) == i/cols {
			return row, l.Wide.Inverse().At(i % cols)
		}
	}
	return i / cols, i % cols
}

// notFiniteValue is the first NaN or infinity among the values of a block, NaN when there is none.
func notFiniteValue(typ formats.Type, b []byte) float32 {
	values := make([]float32, typ.BlockLen())
	if block.Decode(typ, values, b) == nil {
		for _, v := range values {
			if v-v != 0 {
				return v
			}
		}
	}
	return float32(math.NaN())
}

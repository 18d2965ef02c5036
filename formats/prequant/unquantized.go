package prequant

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/block"
)

// plain is a matrix of a type without blocks.
type plain struct {
	rows, cols int64
	typ        formats.Type
	data       []byte
}

// Plain makes a Matrix of stored values of type F32, F16 or BF16.
func Plain(typ formats.Type, rows, cols int64, data []byte) (Matrix, error) {
	switch typ {
	case formats.F32, formats.F16, formats.BF16:
		if int64(len(data)) == rows*cols*int64(typ.BlockBytes()) {
			return &plain{rows, cols, typ, data}, nil
		}
		return nil, fmt.Errorf("%w: %d bytes do not hold %d rows of %d %s values", formats.ErrCorrupt, len(data), rows, cols, typ)
	}
	return nil, fmt.Errorf("%w: type %s", formats.ErrUnsupported, typ)
}

func (m *plain) Shape() (rows, cols int64) { return m.rows, m.cols }

func (m *plain) Stored() [][]byte { return [][]byte{m.data} }

func (m *plain) Rows(dst []float32, first, n int64) {
	size := m.cols * int64(m.typ.BlockBytes())
	_ = block.Decode(m.typ, dst[:n*m.cols], m.data[first*size:(first+n)*size]) // Plain has checked type and size
}

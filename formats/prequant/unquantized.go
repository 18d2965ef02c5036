package prequant

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/block"
)

// unquantized is a matrix of a type without blocks.
type unquantized struct {
	stored
	typ formats.Type
}

// Plain makes a Matrix of values that are stored as F32, F16 or BF16. It fails with formats.ErrUnsupported for other
// types and with formats.ErrCorrupt when data has another length.
func Plain(typ formats.Type, rows, cols int64, data []byte) (Matrix, error) {
	switch typ {
	case formats.F32, formats.F16, formats.BF16:
		if int64(len(data)) == rows*cols*int64(typ.BlockBytes()) {
			return &unquantized{stored{rows, cols, [][]byte{data}}, typ}, nil
		}
		return nil, fmt.Errorf("%w: %d bytes do not hold %d rows of %d %s values",
			formats.ErrCorrupt, len(data), rows, cols, typ)
	}
	return nil, fmt.Errorf("%w: type %s", formats.ErrUnsupported, typ)
}

func (m *unquantized) Rows(dst []float32, first, n int64) {
	size := m.cols * int64(m.typ.BlockBytes())
	_ = block.Decode(m.typ, dst[:n*m.cols], m.data[0][first*size:(first+n)*size]) // Plain has checked type and size
}

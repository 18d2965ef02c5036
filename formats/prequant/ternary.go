package prequant

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// ternary is a matrix of BitNet (arXiv 2402.17764) as transformers stores it: byte [r][c] of weight holds the codes of
// rows r, r+rows/4, r+rows/2 and r+3*rows/4, the lowest bits first, and
//
//	value = (code - 1) / scale, or (code - 1) * scale (Scheme.Direct)
type ternary struct {
	stored
	codes  []byte
	scale  floats
	direct bool
}

func (g *gatherer) ternary(t *safetensors.Tensor) (Matrix, error) {
	if len(t.Shape) != 2 {
		return nil, fmt.Errorf("%w: its shape is %v, not that of a matrix", formats.ErrCorrupt, t.Shape)
	}
	s, err := g.need(t.Name+"_scale", floatTypes, 1)
	if err != nil {
		return nil, err
	}
	g.describe("BitNet, ternary")
	return &ternary{stored{4 * t.Shape[0], t.Shape[1], [][]byte{t.Data, s.Data}}, t.Data, floatsOf(s), g.scheme.Direct}, nil
}

func (m *ternary) Rows(dst []float32, first, n int64) {
	scale, quarter := m.scale.at(0), m.rows/4
	one := scale
	if !m.direct {
		one = 1 / scale
	}
	for r := first; r < first+n; r++ {
		row, codes := dst[(r-first)*m.cols:][:m.cols], m.codes[r%quarter*m.cols:]
		for i := range row {
			row[i] = float32(int(codes[i]>>(r/quarter*2)&3)-1) * one
		}
	}
}

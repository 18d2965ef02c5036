package prequant

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// awq is a matrix of AWQ (arXiv 2306.00978) as AutoAWQ's version "gemm" stores it, for in columns and out rows:
//
//	qweight [in][out/8]      codes of 4 bits; of eight neighbours in out, number i is in slot awqSlot[i] of a word
//	qzeros  [groups][out/8]  zero points, likewise
//	scales  [groups][out]
//
//	value = (code - zero point) * scale
type awq struct {
	stored
	scheme Scheme
	codes  words
	zeros  words
	scales floats
}

var awqSlot = [8]int{0, 4, 1, 5, 2, 6, 3, 7}

func (g *gatherer) awq(t *safetensors.Tensor, stem string) (Matrix, error) {
	if err := checkType(t, wordTypes); err != nil {
		return nil, err
	}
	if len(t.Shape) != 2 {
		return nil, fmt.Errorf("%w: its shape is %v, not that of a matrix", formats.ErrCorrupt, t.Shape)
	}
	m := &awq{stored: stored{rows: t.Shape[1] * 8, cols: t.Shape[0]}, scheme: g.scheme, codes: wordsOf(t)}
	groups := g.scheme.groups(m.cols)
	scales, err := g.need(stem+".scales", floatTypes, groups, m.rows)
	if err != nil {
		return nil, g.grouped(err)
	}
	zeros, err := g.need(stem+".qzeros", wordTypes, groups, t.Shape[1])
	if err != nil {
		return nil, g.grouped(err)
	}
	m.scales, m.zeros = floatsOf(scales), wordsOf(zeros)
	m.data = [][]byte{t.Data, scales.Data, zeros.Data}
	g.describe("AWQ, %v", g.scheme)
	return m, nil
}

func (m *awq) Rows(dst []float32, first, n int64) {
	for r := first; r < first+n; r++ {
		word, shift := r/8, 4*awqSlot[r%8]
		row := dst[(r-first)*m.cols:][:m.cols]
		group, scale, zero := int64(-1), float32(0), 0
		for i := range row {
			if g := m.scheme.groupOf(int64(i)); g != group {
				group, scale = g, m.scales.at(g*m.rows+r)
				zero = int(m.zeros.at(g, word) >> shift & 15)
			}
			row[i] = float32(int(m.codes.at(int64(i), word)>>shift&15)-zero) * scale
		}
	}
}

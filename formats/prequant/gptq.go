package prequant

import (
	"fmt"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// gptq is a matrix of GPTQ (arXiv 2210.17323) as AutoGPTQ and GPTQModel store it, for in columns and out rows:
//
//	qweight [in*bits/32][out]      codes, down the columns
//	qzeros  [groups][out*bits/32]  zero points less one (version 2: as they are), along the rows
//	scales  [groups][out]
//	g_idx   [in]                   the group of each column
//
//	value = scale * (code - zero point)
type gptq struct {
	stored
	groups int64
	bits   int
	offset int // to be added to stored zero points
	codes  words
	zeros  words
	scales floats
	group  []int32 // of each column
}

var wordTypes = []string{"I32", "U32"}

func (g *gatherer) gptq(t *safetensors.Tensor, stem string) (Matrix, error) {
	bits := int64(g.scheme.Bits)
	if err := checkType(t, wordTypes); err != nil {
		return nil, err
	}
	if len(t.Shape) != 2 || t.Shape[0]*32%bits != 0 || t.Shape[1]*bits%32 != 0 {
		return nil, fmt.Errorf("%w: its shape %v does not hold codes of %d bits", formats.ErrCorrupt, t.Shape, bits)
	}
	m := &gptq{stored: stored{rows: t.Shape[1], cols: t.Shape[0] * 32 / bits}, bits: g.scheme.Bits, codes: wordsOf(t)}
	if !g.scheme.V2 {
		m.offset = 1
	}
	m.groups = g.scheme.groups(m.cols)
	scales, err := g.need(stem+".scales", floatTypes, m.groups, m.rows)
	if err != nil {
		return nil, g.grouped(err)
	}
	zeros, err := g.need(stem+".qzeros", wordTypes, m.groups, m.rows*bits/32)
	if err != nil {
		return nil, g.grouped(err)
	}
	order, err := g.part(stem+".g_idx", wordTypes, m.cols)
	if err != nil {
		return nil, err
	}
	if order == nil && g.scheme.Order && m.groups > 1 {
		return nil, fmt.Errorf("%w: its tensor %s.g_idx is missing, without which columns of different groups cannot be told "+
			"apart (quantization_config: desc_act)", formats.ErrCorrupt, stem)
	}
	m.scales, m.zeros = floatsOf(scales), wordsOf(zeros)
	m.data = [][]byte{t.Data, scales.Data, zeros.Data}
	if m.group, err = g.scheme.groupIndex(order, m.cols); err != nil {
		return nil, err
	}
	g.describe("GPTQ, %v", g.scheme)
	return m, nil
}

// grouped adds to an error what the expected shapes come from.
func (g *gatherer) grouped(err error) error {
	return fmt.Errorf("%w (quantization_config: %v)", err, g.scheme)
}

func (m *gptq) Rows(dst []float32, first, n int64) {
	codes := make([]uint8, m.cols)
	scales, zeros := make([]float32, m.groups), make([]int, m.groups)
	for r := first; r < first+n; r++ {
		m.codes.column(codes, r, m.bits)
		for g := range m.groups {
			scales[g] = m.scales.at(g*m.rows + r)
			zeros[g] = int(m.zeros.code(g, r, m.bits)) + m.offset
		}
		row := dst[(r-first)*m.cols:][:m.cols]
		for i, c := range codes {
			g := m.group[i]
			row[i] = scales[g] * float32(int(c)-zeros[g])
		}
	}
}

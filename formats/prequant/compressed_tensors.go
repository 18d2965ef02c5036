package prequant

import (
	"encoding/binary"
	"fmt"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// compressed is a matrix in the format pack-quantized of compressed-tensors:
//
//	weight_packed     [out][in*bits/32]     codes along the rows, padded to whole words
//	weight_scale      [out][groups]
//	weight_zero_point [out*bits/32][groups] down the columns; absent: half the range
//	weight_shape      [2]                   out, in
//	weight_g_idx      [in]                  the group of each column; absent: in order
//
//	value = scale * (code - zero point)
type compressed struct {
	stored
	groups int64
	bits   int
	codes  words
	zeros  words // no data: half the range
	scales floats
	group  []int32 // of each column
}

func (g *gatherer) compressed(t *safetensors.Tensor, stem string) (Matrix, error) {
	if err := checkType(t, wordTypes); err != nil {
		return nil, err
	}
	size, err := g.need(stem+"_shape", []string{"I64", "I32"}, 2)
	if err != nil {
		return nil, err
	}
	m := &compressed{stored: stored{data: [][]byte{t.Data}}, bits: g.scheme.Bits}
	if d := binary.LittleEndian; size.DType == "I64" {
		m.rows, m.cols = int64(d.Uint64(size.Data)), int64(d.Uint64(size.Data[8:]))
	} else {
		m.rows, m.cols = int64(int32(d.Uint32(size.Data))), int64(int32(d.Uint32(size.Data[4:])))
	}
	per := int64(32 / g.scheme.Bits) // codes in a word
	if len(t.Shape) != 2 || m.rows != t.Shape[0] || m.cols < 1 || (m.cols-1)/per+1 != t.Shape[1] {
		return nil, fmt.Errorf("%w: its shape %v does not hold a matrix of %d by %d with %d bits",
			formats.ErrCorrupt, t.Shape, m.rows, m.cols, g.scheme.Bits)
	}
	m.groups, m.codes = g.scheme.groups(m.cols), wordsOf(t)
	scales, err := g.need(stem+"_scale", floatTypes, m.rows, m.groups)
	if err != nil {
		return nil, g.grouped(err)
	}
	m.scales = floatsOf(scales)
	m.data = append(m.data, scales.Data)
	zeros, err := g.part(stem+"_zero_point", wordTypes, (m.rows+per-1)/per, m.groups)
	if err != nil {
		return nil, g.grouped(err)
	}
	if zeros != nil {
		m.zeros = wordsOf(zeros)
		m.data = append(m.data, zeros.Data)
	}
	order, err := g.part(stem+"_g_idx", wordTypes, m.cols)
	if err != nil {
		return nil, err
	}
	if m.group, err = g.scheme.groupIndex(order, m.cols); err != nil {
		return nil, err
	}
	g.describe("compressed-tensors, %v", g.scheme)
	return m, nil
}

func (m *compressed) Rows(dst []float32, first, n int64) {
	bits, per := m.bits, int64(32/m.bits)
	scales, zeros := make([]float32, m.groups), make([]int, m.groups)
	for r := first; r < first+n; r++ {
		for g := range m.groups {
			scales[g], zeros[g] = m.scales.at(r*m.groups+g), 1<<(bits-1)
			if m.zeros.data != nil {
				zeros[g] = int(m.zeros.at(r/per, g) >> (r % per * int64(bits)) & (1<<bits - 1))
			}
		}
		row := dst[(r-first)*m.cols:][:m.cols]
		for i := range row {
			g := m.group[i]
			row[i] = scales[g] * float32(int(m.codes.code(r, int64(i), bits))-zeros[g])
		}
	}
}

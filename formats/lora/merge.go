package lora

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/formats/prequant"
	"bitmill/formats/safetensors"
)

var types = map[string]formats.Type{"F32": formats.F32, "F16": formats.F16, "BF16": formats.BF16}

// Merge changes the tensors of a model by the adapter; matrices keep their type. An error names the tensor of the
// adapter that fits none of the model's.
func (a *Adapter) Merge(list []prequant.Tensor) error {
	present := map[string]bool{}
	for i := range list {
		t := &list[i]
		if w, ok := a.whole[t.Name]; ok {
			if !slices.Equal(w.Shape, t.Shape) {
				return fmt.Errorf("adapter %s: tensor %s: %w: its shape is %v, the model's %s is %v; if the vocabulary was "+
					"enlarged for training, %s", a.Path, w.Name, formats.ErrCorrupt, w.Shape, t.Name, t.Shape, mergeFirst)
			}
			w.Name, w.File = t.Name, t.File
			*t = prequant.Tensor{Tensor: w}
		}
		if p, ok := a.pairs[t.Name]; ok {
			if err := p.merge(t); err != nil {
				return fmt.Errorf("adapter %s: %s: %w", a.Path, p.module, err)
			}
		}
		present[t.Name] = true
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(a.pairs)), maps.Keys(a.whole))
	names = slices.DeleteFunc(names, func(name string) bool { return present[name] })
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return fmt.Errorf("adapter %s does not belong to this model (%w): the model has no tensor %s, "+
		"which the adapter changes%s", a.Path, formats.ErrCorrupt, names[0], others(a.Base, len(names)-1))
}

func others(base string, n int) (text string) {
	if n > 0 {
		text = fmt.Sprintf(", nor %d others", n)
	}
	if base = strings.TrimSpace(base); base != "" {
		text += "; it was made for " + base
	}
	return text
}

// merge adds the product to a tensor.
func (p *pair) merge(t *prequant.Tensor) error {
	if len(t.Shape) != 2 {
		return fmt.Errorf("%w: the model's tensor has the shape %v; only matrices are merged",
			formats.ErrUnsupported, t.Shape)
	}
	rows, cols := t.Shape[0], t.Shape[1]
	have := [2]int64{p.b.Shape[0], p.a.Shape[1]}
	if p.embedding {
		have = [2]int64{p.a.Shape[1], p.b.Shape[0]}
	}
	if have != [2]int64{rows, cols} {
		return fmt.Errorf("%w: the adapter is for a matrix of %v, the model's is %v", formats.ErrCorrupt, have, t.Shape)
	}
	m := &merged{pair: p, base: t.Matrix, rank: p.a.Shape[0], rows: rows, cols: cols}
	if m.base == nil {
		typ, known := types[t.DType]
		var err error
		if m.base, err = prequant.Plain(typ, rows, cols, t.Data); err != nil || !known {
			return fmt.Errorf("%w: the model's tensor is of dtype %s", formats.ErrUnsupported, t.DType)
		}
	}
	t.Matrix, t.Data = m, nil
	return nil
}

// merged is a matrix with an adapter.
type merged struct {
	*pair
	base             prequant.Matrix
	rank, rows, cols int64
}

func (m *merged) Shape() (rows, cols int64) { return m.rows, m.cols }

func (m *merged) Stored() [][]byte {
	return slices.Concat(m.base.Stored(), [][]byte{m.a.Data, m.b.Data})
}

func (m *merged) Rows(dst []float32, first, n int64) {
	m.base.Rows(dst, first, n)
	left := make([]float32, n*m.rank) // for each row, the factors of the rows of the right matrix
	right := make([]float32, m.cols)
	delta := make([]float32, n*m.cols)
	for i := range n {
		for k := range m.rank {
			if m.embedding {
				left[i*m.rank+k] = value(m.a, k*m.rows+first+i)
			} else {
				left[i*m.rank+k] = value(m.b, (first+i)*m.rank+k)
			}
		}
	}
	for k := range m.rank {
		for c := range m.cols {
			if m.embedding {
				right[c] = value(m.b, c*m.rank+k)
			} else {
				right[c] = value(m.a, k*m.cols+c)
			}
		}
		for i := range n {
			f, row := left[i*m.rank+k], delta[i*m.cols:(i+1)*m.cols]
			for c, v := range right {
				row[c] += float32(f * v) // not fused: the same on every machine
			}
		}
	}
	for i, d := range delta {
		dst[i] += float32(m.scale * d)
	}
}

// value is value i of a tensor.
func value(t *safetensors.Tensor, i int64) float32 {
	switch t.DType {
	case "F16":
		return block.FromF16(uint16(t.Data[2*i]) | uint16(t.Data[2*i+1])<<8)
	case "BF16":
		return block.FromBF16(uint16(t.Data[2*i]) | uint16(t.Data[2*i+1])<<8)
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
}

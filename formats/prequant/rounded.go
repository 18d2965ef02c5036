package prequant

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// rounded is a matrix of BitNet that is stored as it is trained. The model rounds it to three values, with the mean of
// the magnitudes for a scale (arXiv 2402.17764):
//
//	value = clamp(round(v / mean|v|), -1, 1) * mean|v|
type rounded struct {
	Matrix
	once    sync.Once
	inverse float32 // 1 / mean|v|
}

// linear reports whether the model rounds a tensor: the matrices of its layers.
func linear(t *safetensors.Tensor) bool {
	return len(t.Shape) == 2 && slices.Contains(floatTypes, t.DType) && strings.HasSuffix(t.Name, ".weight") &&
		!strings.Contains(t.Name, "embed") && !strings.Contains(t.Name, "lm_head")
}

// rounded makes the matrix, which is rounded to the type that it is stored in.
func (g *gatherer) rounded(t *safetensors.Tensor) (*Tensor, error) {
	typ, err := formats.ParseType(t.DType)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", formats.ErrUnsupported, err)
	}
	m, err := Plain(typ, t.Shape[0], t.Shape[1], t.Data)
	if err != nil {
		return nil, err
	}
	g.used[t.Name] = true
	return &Tensor{*t, &rounded{Matrix: m}, false}, nil
}

func (m *rounded) Rows(dst []float32, first, n int64) {
	m.once.Do(m.measure)
	m.Matrix.Rows(dst, first, n)
	for i, v := range dst {
		r := math.RoundToEven(float64(v * m.inverse))
		dst[i] = float32(min(max(r, -1), 1)) / m.inverse
	}
}

// measure finds the mean magnitude.
func (m *rounded) measure() {
	rows, cols := m.Shape()
	row, sum := make([]float32, cols), 0.0
	for r := range rows {
		m.Matrix.Rows(row, r, 1)
		for _, v := range row {
			sum += math.Abs(float64(v))
		}
	}
	m.inverse = 1 / max(float32(sum/float64(rows*cols)), 1e-5)
}

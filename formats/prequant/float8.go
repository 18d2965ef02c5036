package prequant

import (
	"cmp"
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/safetensors"
)

// e4m3 and e5m2 are the values of 8-bit floats (arXiv 2209.05433): a sign, as many bits of exponent and mantissa as the
// names say, and half the exponent's range as its bias. E4M3 has no infinities and one NaN, 0x7f, of either sign; E5M2
// follows IEEE 754.
var e4m3, e5m2 = float8(4), float8(5)

func float8(exponents int) (table [256]float32) {
	mantissas := 7 - exponents
	bias := 1<<(exponents-1) - 1
	for code := range table {
		e := code >> mantissas & (1<<exponents - 1)
		m := float64(code & (1<<mantissas - 1))
		v := math.Ldexp(m, 1-bias-mantissas) // subnormal
		if e > 0 {
			v = math.Ldexp(m+float64(int(1)<<mantissas), e-bias-mantissas)
		}
		switch {
		case exponents == 4 && code&0x7f == 0x7f, exponents == 5 && code&0x7f > 0x7c:
			v = math.NaN()
		case exponents == 5 && code&0x7f == 0x7c:
			v = math.Inf(1)
		}
		if code >= 0x80 {
			v = math.Copysign(v, -1)
		}
		table[code] = float32(v)
	}
	return table
}

// signed is the values of 8-bit integers.
var signed = func() (table [256]float32) {
	for code := range table {
		table[code] = float32(int8(code))
	}
	return table
}()

// tables are the dtypes of one byte that weights may have.
var tables = map[string]*[256]float32{"F8_E4M3": &e4m3, "F8_E5M2": &e5m2, "I8": &signed}

// scaled is a matrix of a byte per value, in blocks that share a scale: value = table[code] * scale.
type scaled struct {
	stored
	codes        []byte
	table        *[256]float32
	scales       floats // no data: all 1
	block        [2]int64
	scaleColumns int64 // blocks side by side
}

// bytes makes the matrix of one-byte codes t, which has a scale, a scale per row or per block, or none.
func (g *gatherer) bytes(t *safetensors.Tensor) (Matrix, error) {
	table := tables[t.DType]
	if table == nil {
		return nil, fmt.Errorf("%w: dtype %s", formats.ErrUnsupported, t.DType)
	}
	if len(t.Shape) != 2 {
		return nil, fmt.Errorf("%w: dtype %s with the shape %v; only matrices are read from it",
			formats.ErrUnsupported, t.DType, t.Shape)
	}
	m := &scaled{stored: stored{t.Shape[0], t.Shape[1], [][]byte{t.Data}}, codes: t.Data, table: table}
	s := g.scaleOf(t.Name)
	what := dtypeNames[t.DType]
	if s == nil {
		if g.scheme.Method != "" || t.DType == "I8" {
			return nil, fmt.Errorf("%w: its tensor %s_scale is missing", formats.ErrCorrupt, t.Name)
		}
		g.describe("%s", what)
		return m, nil
	}
	if err := checkType(s, append(floatTypes, "F8_E8M0")); err != nil {
		return nil, err
	}
	g.used[s.Name] = true
	m.scales, m.data = floatsOf(s), append(m.data, s.Data)
	switch b := cmp.Or(g.scheme.Block, [2]int64{128, 128}); {
	case s.Elements() == 1:
		m.block, m.scaleColumns = [2]int64{max(m.rows, 1), max(m.cols, 1)}, 1
		g.describe("%s with a scale per matrix", what)
	case same(s.Shape, []int64{(m.rows + b[0] - 1) / b[0], (m.cols + b[1] - 1) / b[1]}):
		m.block, m.scaleColumns = b, s.Shape[1]
		g.describe("%s with a scale per block of %dx%d", what, b[0], b[1])
	case same(s.Shape, []int64{m.rows}) || same(s.Shape, []int64{m.rows, 1}):
		m.block, m.scaleColumns = [2]int64{1, max(m.cols, 1)}, 1
		g.describe("%s with a scale per row", what)
	default:
		return nil, fmt.Errorf("%w: %s has the shape %v; a matrix of %v has one scale, one per row, or one per block "+
			"of %v (quantization_config)", formats.ErrCorrupt, s.Name, s.Shape, t.Shape, b)
	}
	return m, nil
}

var dtypeNames = map[string]string{"F8_E4M3": "FP8 E4M3", "F8_E5M2": "FP8 E5M2", "I8": "8-bit integers"}

// scaleOf finds the scales of a weight: all multiply, whatever their name.
func (g *gatherer) scaleOf(weight string) *safetensors.Tensor {
	for _, suffix := range []string{"_scale_inv", "_scale"} {
		if t := g.tensors[weight+suffix]; t != nil {
			return t
		}
	}
	return nil
}

func (m *scaled) Rows(dst []float32, first, n int64) {
	for r := first; r < first+n; r++ {
		row, codes := dst[(r-first)*m.cols:][:m.cols], m.codes[r*m.cols:][:m.cols]
		for i, c := range codes {
			row[i] = m.table[c]
		}
		if m.scales.data == nil {
			continue
		}
		for b := range m.scaleColumns {
			scale := m.scales.at(r/m.block[0]*m.scaleColumns + b)
			for i := b * m.block[1]; i < min(m.cols, (b+1)*m.block[1]); i++ {
				row[i] *= scale
			}
		}
	}
}

package tune

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// matrix is a tensor with its latent values.
type matrix struct {
	Tensor
	grid         *encode.Grid
	rows         []*encode.Levels // as they are in Data
	scale, shift []float32        // of every sub-block: value = scale*level - shift
	top, bottom  float32          // the largest and the smallest level
	gap          float32          // mean distance of two levels
	values       []float32        // in the model
	latent       []float32
	mean, square []float32 // of the gradients
}

// gridOf is the grid of a type, the levels of which are chosen one by one; nil for another.
func gridOf(t formats.Type) *encode.Grid {
	g := encode.GridOf(t)
	if g != nil && g.Book != nil {
		return nil
	}
	return g
}

// newMatrix takes a tensor apart, and gives its values to the model. It is nil for a tensor that cannot be tuned.
func newMatrix(t Tensor, values []float32) (*matrix, error) {
	n := len(values)
	if size, err := t.Type.RowBytes(int64(t.Cols)); err != nil || n == 0 || n%t.Cols != 0 ||
		size*int64(n/t.Cols) != int64(len(t.Data)) {
		return nil, fmt.Errorf("tensor %s: %d bytes of %v are not the %d values of the model", t.Name, len(t.Data), t.Type, n)
	}
	if err := block.Decode(t.Type, values, t.Data); err != nil {
		return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	g := gridOf(t.Type)
	if g == nil {
		return nil, nil
	}
	m := &matrix{Tensor: t, grid: g, values: values, latent: slices.Clone(values), mean: make([]float32, n),
		square: make([]float32, n), bottom: g.Level(0), top: g.Level(uint8(g.Top))}
	m.gap = (m.top - m.bottom) / float32(g.Top)
	size := len(t.Data) / (n / t.Cols)
	for r := range n / t.Cols {
		x := g.NewLevels(t.Cols)
		g.Read(x, t.Data[r*size:][:size])
		m.rows = append(m.rows, x)
		for b, s := range x.S {
			super := b * g.Sub / g.Super
			m.scale = append(m.scale, x.D[super]*g.Scale(s))
			m.shift = append(m.shift, x.DMin[super]*float32(x.T[b]))
		}
	}
	return m, nil
}

// level is the index of the level nearest to a value in units of the scale.
func (m *matrix) level(x float32) uint8 {
	x = min(m.top, max(m.bottom, x))
	if m.grid.Table == nil {
		return uint8(int32(math.RoundToEven(float64(x))) - m.grid.Low)
	}
	best := 0
	for i, v := range m.grid.Table {
		if abs(v-x) < abs(m.grid.Table[best]-x) {
			best = i
		}
	}
	return uint8(best)
}

func abs(x float32) float32 { return max(x, -x) }

// move takes a step down the gradient: every value on its own, so that threads do not matter.
func (m *matrix) move(gradient []float32, s stepOf, threads int) {
	per := (len(m.scale) + max(1, threads) - 1) / max(1, threads)
	var wg sync.WaitGroup
	for first := 0; first < len(m.scale); first += per {
		wg.Go(func() {
			for b := first; b < min(first+per, len(m.scale)); b++ {
				m.moveBlock(b, gradient, s)
			}
		})
	}
	wg.Wait()
}

// tiny keeps the quotient finite where all gradients were zero.
const tiny = 1e-12

func (m *matrix) moveBlock(b int, gradient []float32, s stepOf) {
	scale, shift := m.scale[b], m.shift[b]
	if scale == 0 {
		return // all levels are the same
	}
	low, high := scale*m.bottom-shift, scale*m.top-shift
	if low > high {
		low, high = high, low
	}
	length := s.rate * m.gap * abs(scale)
	for i := b * m.grid.Sub; i < (b+1)*m.grid.Sub; i++ {
		g := gradient[i]
		mean := float32(keepMean*m.mean[i]) + float32((1-keepMean)*g)
		square := float32(keepSquare*m.square[i]) + float32((1-keepSquare)*float32(g*g))
		m.mean[i], m.square[i] = mean, square
		move := mean * s.mean / (float32(math.Sqrt(float64(square*s.square))) + tiny)
		w := min(high, max(low, m.latent[i]-float32(length*move)))
		m.latent[i] = w
		m.values[i] = float32(scale*m.grid.Level(m.level((w+shift)/scale))) - shift
	}
}

// encode is the tensor's data with the levels nearest to the latent values.
func (m *matrix) encode() []byte {
	data := make([]byte, len(m.Data))
	size := len(data) / len(m.rows)
	for r, x := range m.rows {
		q := slices.Clone(x.Q)
		for i := range q {
			at := r*m.Cols + i
			if b := at / m.grid.Sub; m.scale[b] != 0 {
				q[i] = m.level((m.latent[at] + m.shift[b]) / m.scale[b])
			}
		}
		row := *x
		row.Q = q
		m.grid.Write(data[r*size:][:size], &row)
	}
	return data
}

// restore gives the model the values of latent ones that were read.
func (m *matrix) restore() {
	for i, w := range m.latent {
		if b := i / m.grid.Sub; m.scale[b] != 0 {
			m.values[i] = float32(m.scale[b]*m.grid.Level(m.level((w+m.shift[b])/m.scale[b]))) - m.shift[b]
		}
	}
}

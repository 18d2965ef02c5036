package feedback

import (
	"slices"

	"bitmill/eval/kernel"
)

const panel = kernel.PanelCols

// panelled is a matrix in panels of sixteen columns, as kernel.GemmPanels reads and kernel.AddProducts writes it:
// [cols/16][rows][16].
type panelled struct {
	rows, cols int
	v          []float32
}

func newPanelled(rows, cols int) panelled { return panelled{rows, cols, make([]float32, rows*cols)} }

// row is columns [16p, 16p+16) of row i.
func (m panelled) row(p, i int) []float32 { return m.v[(p*m.rows+i)*panel:][:panel] }

// from begins at row i of panel p.
func (m panelled) from(p, i int) []float32 { return m.v[(p*m.rows+i)*panel:] }

func (m panelled) at(i, j int) float32 { return m.v[(j/panel*m.rows+i)*panel+j%panel] }

// step is the distance of two panels.
func (m panelled) step() int { return m.rows * panel }

// mirror completes a symmetric matrix of which only the panels above the diagonal are there.
func (m panelled) mirror() {
	for p := range m.cols / panel {
		for i := (p + 1) * panel; i < m.rows; i++ {
			for j, to := 0, m.row(p, i); j < panel; j++ {
				to[j] = m.v[(i/panel*m.rows+p*panel+j)*panel+i%panel]
			}
		}
	}
}

// diagonal points to the elements of the diagonal, one after another.
func (m panelled) diagonal(yield func(i int, v *float32) bool) {
	for i := range m.rows {
		if !yield(i, &m.v[(i/panel*m.rows+i)*panel+i%panel]) {
			return
		}
	}
}

// transposed has the columns as rows.
func (m panelled) transposed() panelled {
	t := newPanelled(m.cols, m.rows)
	for p := range m.cols / panel {
		for i := range m.rows {
			for j, v := range m.row(p, i) {
				t.v[(i/panel*t.rows+p*panel+j)*panel+i%panel] = v
			}
		}
	}
	return t
}

// damp adds f times the mean of the diagonal to the diagonal, and returns what it has added. A column without any
// input gets the mean as well, so that its weights stay where they are.
func (m panelled) damp(f float64) (added []float32) {
	mean := 0.0
	for _, v := range m.diagonal {
		mean += float64(*v) / float64(m.rows)
	}
	if mean <= 0 {
		mean = 1
	}
	added = slices.Repeat([]float32{float32(f * mean)}, m.rows)
	for i, v := range m.diagonal {
		if float64(*v) <= 1e-12*mean {
			added[i] += float32(mean)
		}
		*v += added[i]
	}
	return added
}

// Package feedback chooses scales and levels of quantized matrices by what their errors do to the matrix's outputs:
// error feedback under the second moments of the inputs (GPTQ, arXiv 2210.17323), a search of scales inside the
// feedback, and descent on the grid of the type.
//
// With the error e = w - v of a row and the moments H = Σ x·x' of its inputs, the objective of a row is e'He.
package feedback

import (
	"slices"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/quantize/encode"
)

// Solver solves matrices that share inputs and the size of sub-blocks. Rows of its matrices lie stride apart, so that no
// power of two makes them share lines of the cache.
type Solver struct {
	set    *kernel.Set
	n      int // columns
	stride int
	sub    int   // of a sub-block
	perm   []int // the column at each place of the order of feedback

	u  []float32 // U in panels, in that order (see square.inverseRoot)
	ut []float32 // U' in that order, each column divided by the diagonal
	h  []float32 // H, damped

	// Matrices inside sub-blocks, [n/sub][sub][sub]. Roots are as feeding reads them.
	roots      []float32 // U
	inverses   []float32 // the inverse of H
	blockRoots []float32 // its upper root
}

const panel = kernel.PanelCols

// panels lays out a matrix [n][n] as kernel.GemmPanels reads it.
func panels(dst []float32, v []float64, rows, cols, stride int) {
	for p := range cols / panel {
		for i := range rows {
			to, from := dst[(p*rows+i)*panel:][:panel], v[i*stride+p*panel:]
			for j := range to {
				to[j] = float32(from[j])
			}
		}
	}
}

// NewSolver prepares for matrices of one grid whose inputs have the moments h, [n][n]. damp times the mean of their
// diagonal is added to it.
func NewSolver(set *kernel.Set, h []float64, n int, g *encode.Grid, damp float64) (*Solver, error) {
	sub, stride := g.Sub, n+blockRows
	s := &Solver{set: set, n: n, stride: stride, sub: sub, u: make([]float32, n*n), ut: make([]float32, n*stride),
		h: make([]float32, n*stride)}
	m := square{n, h}
	s.perm = feedbackOrder(m, sub, g.Book == nil)
	u, err := m.damped(s.perm, damp).inverseRoot()
	if err != nil {
		return nil, err
	}
	panels(s.u, u.v, n, n, n)
	s.roots = make([]float32, n*sub)
	for i := range n {
		row, d := u.v[i*n:][:n], u.v[i*n+i]
		for j := i; j < n; j++ {
			s.ut[j*stride+i] = float32(row[j] / d)
		}
		rootRow(s.roots[i*sub:][:sub], row[i/sub*sub:], i%sub)
	}
	natural := make([]int, n)
	for i := range natural {
		natural[i] = i
	}
	d := m.damped(natural, damp)
	for i := range n {
		for j, v := range d.v[i*n:][:n] {
			s.h[i*stride+j] = float32(v)
		}
	}
	return s, s.invertBlocks(d)
}

// rootRow lays out row i of a root inside a sub-block: see feeding.
func rootRow(dst []float32, row []float64, i int) {
	for j := range dst {
		dst[j] = float32(row[j] / row[i])
	}
	dst[i] = float32(1 / (row[i] * row[i]))
}

// invertBlocks sets the inverses of H inside sub-blocks, and their roots.
func (s *Solver) invertBlocks(d square) error {
	sub := s.sub
	s.inverses, s.blockRoots = make([]float32, s.n*sub), make([]float32, s.n*sub)
	for b := range s.n / sub {
		block := newSquare(sub)
		for i := range sub {
			copy(block.v[i*sub:][:sub], d.v[(b*sub+i)*s.n+b*sub:])
		}
		root, err := block.inverseRoot()
		if err != nil {
			return err
		}
		for i := range sub {
			for j := range sub {
				sum := 0.0
				for k := range min(i, j) + 1 {
					sum += root.v[k*sub+i] * root.v[k*sub+j]
				}
				s.inverses[(b*sub+i)*sub+j] = float32(sum)
			}
			rootRow(s.blockRoots[(b*sub+i)*sub:][:sub], root.v[i*sub:], i)
		}
	}
	return nil
}

// feedbackOrder puts sub-blocks with the largest moments first, and inside them columns where these are free.
func feedbackOrder(h square, sub int, free bool) []int {
	n := h.n
	trace := make([]float64, n/sub)
	order := make([]int, n)
	for i := range n {
		order[i] = i
		trace[i/sub] += h.v[i*n+i]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := trace[a/sub], trace[b/sub]
		if a/sub == b/sub {
			if !free {
				return a - b
			}
			x, y = h.v[a*n+a], h.v[b*n+b]
		}
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return a/sub - b/sub
	})
	return order
}

// Correct is M·inverse(H), of [rows][n].
func (s *Solver) Correct(pool *infer.Pool, m []float32, rows int) []float32 {
	n := s.n
	out, ut := make([]float32, rows*n), s.transposedU()
	pool.Run((rows+blockRows-1)/blockRows, func(_, task int) {
		r := task * blockRows
		k := min(blockRows, rows-r)
		moved, half := make([]float32, blockRows*n), make([]float32, blockRows*n)
		for i := range k {
			for j, c := range s.perm {
				moved[i*n+j] = m[(r+i)*n+c]
			}
		}
		s.set.GemmPanels(half, n, moved, n, ut, panel*n, k, n, n, false)  // M·U'
		s.set.GemmPanels(moved, n, half, n, s.u, panel*n, k, n, n, false) // ·U
		for i := range k {
			for j, c := range s.perm {
				out[(r+i)*n+c] = moved[i*n+j]
			}
		}
	})
	return out
}

// transposedU is U' in panels.
func (s *Solver) transposedU() []float32 {
	n := s.n
	out := make([]float32, n*n)
	for i := range n {
		for j := i; j < n; j++ {
			out[(i/panel*n+j)*panel+i%panel] = s.u[(j/panel*n+i)*panel+j%panel]
		}
	}
	return out
}

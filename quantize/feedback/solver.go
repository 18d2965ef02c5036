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

	u  panelled  // U in that order (see inverseRoot)
	ut []float32 // U' in that order, each column divided by the diagonal
	h  []float32 // H, damped

	// Matrices inside sub-blocks, [n/sub][sub][sub]. Roots are as feeding reads them.
	roots      []float32 // U
	inverses   []float32 // the inverse of H
	blockRoots []float32 // its upper root
}

// NewSolver prepares for matrices of one grid whose inputs have the moments h, damped.
func NewSolver(pool *infer.Pool, set *kernel.Set, h panelled, g *encode.Grid) (*Solver, error) {
	n, stride := h.rows, h.rows+blockRows
	s := &Solver{set: set, n: n, stride: stride, sub: g.Sub, h: make([]float32, n*stride)}
	if err := s.arrange(pool, h, feedbackOrder(h, g.Sub, g.Book == nil)); err != nil {
		return nil, err
	}
	pool.Run(n/panel, func(_, p int) {
		for i := range n {
			copy(s.h[i*stride+p*panel:], h.row(p, i))
		}
	})
	return s, s.invertBlocks()
}

// arrange sets the order of feedback and what it reads, with the moments h.
func (s *Solver) arrange(pool *infer.Pool, h panelled, order []int) (err error) {
	n, sub := s.n, s.sub
	s.perm, s.ut, s.roots = order, make([]float32, n*s.stride), make([]float32, n*sub)
	if s.u, err = inverseRoot(pool, s.set, h, order); err != nil {
		return err
	}
	pool.Run(n/panel, func(_, p int) {
		for i := p * panel; i < (p+1)*panel; i++ {
			d := s.u.at(i, i)
			for j := i; j < n; j++ {
				s.ut[j*s.stride+i] = s.u.at(i, j) / d
			}
			row := make([]float64, sub)
			for j := range row {
				row[j] = float64(s.u.at(i, i/sub*sub+j))
			}
			rootRow(s.roots[i*sub:][:sub], row, i%sub)
		}
	})
	return nil
}

// rootRow lays out row i of a root inside a sub-block: see feeding.
func rootRow(dst []float32, row []float64, i int) {
	for j := range dst {
		dst[j] = float32(row[j] / row[i])
	}
	dst[i] = float32(1 / (row[i] * row[i]))
}

// invertBlocks sets the inverses of H inside sub-blocks, and their roots.
func (s *Solver) invertBlocks() error {
	sub := s.sub
	s.inverses, s.blockRoots = make([]float32, s.n*sub), make([]float32, s.n*sub)
	block := make([]float64, sub*sub)
	for b := 0; b < s.n; b += sub {
		for i := range block {
			block[i] = float64(s.h[(b+i/sub)*s.stride+b+i%sub])
		}
		root, inverse, err := upperRoot(block, sub)
		if err != nil {
			return err
		}
		for i := range sub {
			rootRow(s.blockRoots[(b+i)*sub:][:sub], root[i*sub:][:sub], i)
		}
		for i, v := range inverse {
			s.inverses[b*sub+i] = float32(v)
		}
	}
	return nil
}

// feedbackOrder puts sub-blocks with the largest moments first, and inside them columns where these are free.
func feedbackOrder(h panelled, sub int, free bool) []int {
	n := h.rows
	trace := make([]float64, n/sub)
	order := make([]int, n)
	for i := range n {
		order[i] = i
		trace[i/sub] += float64(h.at(i, i))
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := trace[a/sub], trace[b/sub]
		if a/sub == b/sub {
			if !free {
				return a - b
			}
			x, y = float64(h.at(a, a)), float64(h.at(b, b))
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

// correctRows are corrected together, so that each row of the roots is read once for all of them.
const correctRows = 64

// Correct replaces M, [rows][n], by M·inverse(H) = M·U'·U.
func (s *Solver) Correct(pool *infer.Pool, m []float32, rows int) {
	n, ut := s.n, s.u.transposed()
	pool.Run((rows+correctRows-1)/correctRows, func(_, task int) {
		r := task * correctRows
		k := min(correctRows, rows-r)
		moved, half := make([]float32, k*n), make([]float32, k*n)
		for i := range k {
			for j, c := range s.perm {
				moved[i*n+j] = m[(r+i)*n+c]
			}
		}
		for at := 0; at < n; at += panel { // both are triangular
			s.set.GemmPanels(half[at:], n, moved[at:], n, ut.from(at/panel, at), 0, k, panel, n-at, false)
		}
		for at := 0; at < n; at += panel {
			s.set.GemmPanels(moved[at:], n, half, n, s.u.from(at/panel, 0), 0, k, panel, at+panel, false)
		}
		for i := range k {
			for j, c := range s.perm {
				m[(r+i)*n+c] = moved[i*n+j]
			}
		}
	})
}

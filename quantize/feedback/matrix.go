package feedback

import (
	"fmt"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/formats/block"
	"bitmill/quantize/encode"
)

// gridKind is what types have in common that share a solver.
type gridKind struct {
	sub  int
	book bool
}

// solving is the current site of an artifact: rows x, whose moments its matrices share.
type solving struct {
	x       []float32 // [tokens][columns]
	n       int       // tokens to fit on
	pooled  int       // tokens of other experts that count as well
	h       []float64 // Σ x·x'; nil until it is needed
	c       []float64 // Σ (full-x)·x'; nil: no correction
	solvers map[gridKind]*Solver
}

func (s *solving) begin(x []float32, n int) {
	*s = solving{x: x, n: n, solvers: map[gridKind]*Solver{}}
}

// matrix chooses a matrix, unless its type is not a grid or an earlier run has chosen it.
func (u *run) matrix(w *infer.Linear, sum []float32) error {
	if !chosen(w) {
		return nil
	}
	g := encode.GridOf(w.Type)
	t, ok := u.source.Tensor(w.Name)
	start, same := u.art.Checkpoint.Tensor(w.Name)
	k := key{w.Name, w.Expert}
	if same {
		u.replaced[k] = part(start.Bytes(), w)
	}
	if data := u.art.Have(w.Name, w.Expert); data != nil {
		u.report(1)
		return u.model.Replace(w.Name, w.Expert, data)
	}
	if !ok || !same || t.Cols() != start.Cols() || t.Rows() != start.Rows() {
		return fmt.Errorf("%w: the artifact was made from another model", formats.ErrCorrupt)
	}
	m := &matrix{run: u, g: g, typ: w.Type, rows: int(t.Rows()) / max(1, w.Experts), n: int(t.Cols()), start: u.replaced[k],
		routed: w.Routed}
	values := make([]float32, m.rows*m.n)
	if err := t.Floats(values, int64(w.Expert*m.rows), int64(m.rows)); err != nil {
		return err
	}
	if err := m.prepare(w.Name); err != nil {
		return err
	}
	full := u.full[k]
	if full == nil || len(full.x) != len(u.solve.x) {
		full = &site{x: u.solve.x}
	}
	if full.sum == nil {
		sum = nil
	}
	move, err := m.correction(values, full, sum)
	if err != nil {
		return err
	}
	held := m.hold(values, full, sum)
	c := m.choose(held.target(values, move))
	c.Name, c.Expert = w.Name, w.Expert
	if !held.better(c.Data) {
		c.Data, c.After = m.start, c.Before
	}
	if err := u.art.Store(c); err != nil {
		return err
	}
	u.report(1)
	return u.model.Replace(w.Name, w.Expert, c.Data)
}

// chosen reports whether a matrix is one that is chosen.
func chosen(w *infer.Linear) bool { return encode.GridOf(w.Type) != nil }

// matrices counts those of a model that are chosen.
func matrices(m *infer.Model, embedding bool) (n int64) {
	m.Each(func(w *infer.Linear) {
		if chosen(w) && !w.Continued() {
			n++
		}
	})
	if embedding || m.Output().Name != embeddingName && chosen(m.Output()) {
		n++
	}
	return n
}

func (u *run) report(n int64) {
	if u.done += n; u.Progress != nil {
		u.Progress(u.done, u.total)
	}
}

// matrix is one that is being chosen.
type matrix struct {
	*run
	g       *encode.Grid
	typ     formats.Type
	rows, n int
	start   []byte
	solver  *Solver
	routed  bool
}

// prepare makes the moments of the site and the solver, unless another matrix has.
func (m *matrix) prepare(name string) (err error) {
	s := &m.solve
	if s.h == nil {
		s.h = make([]float64, m.n*m.n)
		if err := m.moments.add(s.h, s.x, nil, s.n, m.n, m.n); err != nil {
			return err
		}
		mirror(s.h, m.n)
		if m.routed {
			m.share(s, name)
		}
	}
	kind := gridKind{m.g.Sub, m.g.Book != nil}
	if m.solver = s.solvers[kind]; m.solver == nil {
		m.solver, err = NewSolver(m.Kernel, s.h, m.n, m.g, m.damping(m.n, s.n+s.pooled))
		s.solvers[kind] = m.solver
	}
	return err
}

// correction is how far the matrix should move for the inputs that it has:
//
//	(W·C + R)·inverse(H)    C = Σ (full-x)·x'    R = Σ (full sum - sum)·x'
//
// sum is nil where the product is not added to the residual stream.
func (m *matrix) correction(w []float32, full *site, sum []float32) ([]float32, error) {
	s := &m.solve
	if &full.x[0] == &s.x[0] {
		return nil, nil
	}
	if s.c == nil {
		s.c = make([]float64, m.n*m.n)
		if err := m.moments.add(s.c, minus(full.x, s.x), s.x, s.n, m.n, m.n); err != nil {
			return nil, err
		}
	}
	move, c := make([]float32, len(w)), make([]float32, m.n*m.n)
	panels(c, s.c, m.n, m.n, m.n)
	m.pool.Run((m.rows+blockRows-1)/blockRows, func(_, task int) {
		r := task * blockRows
		m.Kernel.GemmPanels(move[r*m.n:], m.n, w[r*m.n:], m.n, c, panel*m.n, min(blockRows, m.rows-r), m.n, m.n, false)
	})
	if sum != nil {
		r := make([]float64, m.rows*m.n)
		if err := m.moments.add(r, minus(full.sum, sum), s.x, s.n, m.rows, m.n); err != nil {
			return nil, err
		}
		for i, v := range r {
			move[i] += float32(v)
		}
	}
	return m.solver.Correct(m.pool, move, m.rows), nil
}

func minus(a, b []float32) []float32 {
	d := make([]float32, len(a))
	for i, v := range a {
		d[i] = v - b[i]
	}
	return d
}

// choose solves all rows. A row that does not get better stays.
func (m *matrix) choose(target []float32) Choice {
	tasks, size := (m.rows+blockRows-1)/blockRows, len(m.start)/m.rows
	c := Choice{Data: make([]byte, len(m.start))}
	before, after := make([]float64, m.rows), make([]float64, m.rows)
	m.pool.Run(tasks, func(_, task int) {
		r := task * blockRows
		k := min(blockRows, m.rows-r)
		start, data, goal := m.start[r*size:][:k*size], c.Data[r*size:][:k*size], target[r*m.n:][:k*m.n]
		m.solver.objective(before[r:r+k], m.typ, goal, start)
		x := make([]*encode.Levels, k)
		for i := range x {
			x[i] = m.g.NewLevels(m.n)
			m.g.Read(x[i], start[i*size:])
		}
		m.solver.Rows(m.g, goal, x, m.Sweeps)
		for i := range x {
			m.g.Write(data[i*size:][:size], x[i])
		}
		m.solver.objective(after[r:r+k], m.typ, goal, data)
		for i := range k {
			if !(after[r+i] < before[r+i]) {
				copy(data[i*size:][:size], start[i*size:])
				after[r+i] = before[r+i]
			}
		}
	})
	for i := range before {
		c.Before, c.After = c.Before+before[i], c.After+after[i]
	}
	return c
}

// objective is e'He of up to blockRows encoded rows, with the error e from the target.
func (s *Solver) objective(dst []float64, typ formats.Type, target []float32, data []byte) {
	n := s.n
	e, v, grad := make([]float32, n*blockRows), make([]float32, len(target)), make([]float32, n*blockRows)
	_ = block.Decode(typ, v, data) // whole rows of the type
	for i, t := range target {
		v[i] = t - v[i]
	}
	s.set.PackPanel(e, v, n, len(dst), n)
	s.set.GemmPanels(grad, panel, s.h, s.stride, e, 0, n, panel, n, false)
	clear(dst)
	for i := range n {
		e, grad := at(e, i), at(grad, i)
		for r := range dst {
			dst[r] += float64(e[r]) * float64(grad[r])
		}
	}
}

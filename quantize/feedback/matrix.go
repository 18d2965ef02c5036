package feedback

import (
	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/quantize/encode"
)

// gridKind is what types have in common that share a solver.
type gridKind struct {
	sub  int
	book bool
}

// matrix chooses a matrix of a site.
func (u *run) matrix(s *site, w *wanted) error {
	g := encode.GridOf(w.Type)
	t, _ := u.source.Tensor(w.Name) // see settle
	k := key{w.Name, w.Expert}
	m := &matrix{run: u, g: g, typ: w.Type, rows: int(t.Rows()) / max(1, w.Experts), n: int(t.Cols()), start: u.replaced[k]}
	values := make([]float32, m.rows*m.n)
	if err := t.Floats(values, int64(w.Expert*m.rows), int64(m.rows)); err != nil {
		return err
	}
	if err := m.prepare(s); err != nil {
		return err
	}
	move := m.correction(values, s, w)
	held := m.hold(values, s, w)
	c := m.choose(held.target(values, move))
	c.Name, c.Expert = w.Name, w.Expert
	if !held.better(c.Data) {
		c.Data, c.After = m.start, c.Before
	}
	if err := u.art.Store(c); err != nil {
		return err
	}
	u.settled[k] = true
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
	solvers []*Solver // the first one's moments judge
}

// prepare makes the solver, unless another matrix of the site has.
func (m *matrix) prepare(s *site) (err error) {
	if s.added == nil {
		s.added = s.h.damp(m.damping(m.n, s.blocks.rows+s.pooled))
		for i := range s.c.v {
			s.c.v[i] -= s.h.v[i]
		}
		for i, v := range s.c.diagonal {
			*v += s.added[i]
		}
	}
	kind := gridKind{m.g.Sub, m.g.Book != nil}
	if m.solvers = s.solvers[kind]; m.solvers != nil {
		return nil
	}
	solver, err := NewSolver(m.pool, m.Kernel, s.h, m.g)
	if err != nil {
		return err
	}
	m.solvers, err = solver.others(m.pool, s.h, s.added, m.Starts)
	s.solvers[kind] = m.solvers
	return err
}

// correction is how far the matrix should move for the inputs that it has:
//
//	(W·C + R)·inverse(H)    C = Σ (full-x)·x'    R = Σ (full sum - sum)·x'
//
// Where the product is not added to the residual stream, R is 0. Else, with the full model's stream behind the sum,
// W·C + R = Σ (stream-sum)·x' - W·H, without C.
func (m *matrix) correction(w []float32, s *site, as *wanted) (move []float32) {
	switch {
	case as.full == nil:
		return nil
	case as.bySum:
		move = m.times(w, s.h)
		for i := range m.rows {
			for j, v := range move[i*m.n:][:m.n] {
				move[i*m.n+j] = as.r.at(i, j) - (v - float32(s.added[j]*w[i*m.n+j]))
			}
		}
		as.r = panelled{}
	default:
		move = m.times(w, s.c)
	}
	m.solvers[0].Correct(m.pool, move, m.rows)
	return move
}

// times is W·B.
func (m *matrix) times(w []float32, b panelled) []float32 {
	out := make([]float32, len(w))
	m.pool.Run((m.rows+correctRows-1)/correctRows, func(_, task int) {
		r := task * correctRows
		m.Kernel.GemmPanels(out[r*m.n:], m.n, w[r*m.n:], m.n, b.v, b.step(), min(correctRows, m.rows-r), m.n, m.n, false)
	})
	return out
}

package feedback

import (
	"fmt"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/quantize/encode"
)

// gridKind is what types have in common that share a solver.
type gridKind struct {
	sub  int
	book bool
}

// solving is the current site of an artifact: rows x, whose moments its matrices share.
type solving struct {
	x       []float32              // [tokens][columns]
	n       int                    // tokens to fit on
	pooled  int                    // tokens of other experts that count as well
	h       panelled               // Σ x·x', damped; empty until it is needed
	added   []float32              // to the diagonal of h, by damping
	c       panelled               // Σ (full-x)·x'; empty until it is needed
	solvers map[gridKind][]*Solver // with all starts
}

func (s *solving) begin(x []float32, n int) {
	*s = solving{x: x, n: n, solvers: map[gridKind][]*Solver{}}
}

// matrix chooses a matrix, unless its type is not a grid or is the source's, or an earlier run has chosen it.
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
	if t.Type == start.Type { // a copy has no error
		u.report(1)
		return nil
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
	full := u.sites.of[k]
	if full != nil && (full.cols != m.n || full.tokens != len(u.solve.x)/m.n) {
		full = nil
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
	solvers []*Solver // the first one's moments judge
	routed  bool
}

// prepare makes the moments of the site and the solver, unless another matrix has.
func (m *matrix) prepare(name string) (err error) {
	s := &m.solve
	if s.h.v == nil {
		if err := m.moments.load(&m.codes, s.x, s.n, m.n); err != nil {
			return err
		}
		if s.h, err = m.moments.sum(&m.codes, &m.codes); err != nil {
			return err
		}
		s.h.mirror()
		if m.routed {
			m.share(s, name)
		}
		s.added = s.h.damp(m.damping(m.n, s.n+s.pooled))
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
// sum is nil where the product is not added to the residual stream, and R is 0. Else, with the full model's stream
// behind the sum, W·C + R = Σ (stream-sum)·x' - W·H, without C.
func (m *matrix) correction(w []float32, full *site, sum []float32) (move []float32, err error) {
	switch s := &m.solve; {
	case full == nil:
		return nil, nil
	case full.stream != nil && sum != nil:
		move, err = m.missed(w, full.stream, sum)
	default:
		if s.c.v == nil {
			if s.c, err = m.moments.sum(&full.codes, &m.codes); err != nil {
				return nil, err
			}
			for i, v := range s.h.v {
				s.c.v[i] -= v
			}
			for i, v := range s.c.diagonal {
				*v += s.added[i]
			}
		}
		move = m.times(w, s.c)
	}
	if err != nil {
		return nil, err
	}
	m.solvers[0].Correct(m.pool, move, m.rows)
	return move, nil
}

// missed is Σ (stream-sum)·x' - W·H.
func (m *matrix) missed(w, stream, sum []float32) ([]float32, error) {
	s := &m.solve
	if err := m.moments.loadDifference(&m.outputs, stream, sum, s.n, m.rows); err != nil {
		return nil, err
	}
	r, err := m.moments.sum(&m.outputs, &m.codes)
	if err != nil {
		return nil, err
	}
	move := m.times(w, s.h)
	for i := range m.rows {
		for j, v := range move[i*m.n:][:m.n] {
			move[i*m.n+j] = r.at(i, j) - (v - float32(s.added[j]*w[i*m.n+j]))
		}
	}
	return move, nil
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

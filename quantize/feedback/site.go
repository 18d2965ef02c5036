package feedback

import (
	"slices"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// site is an input that matrices of an artifact share. Rows to fit on go into the moments group by group; those of
// experts wait on the shelf until all groups are there, so that there are the moments of one expert at a time.
type site struct {
	cols     int
	expert   int
	routed   bool
	group    int // the next one whose rows it lacks
	blocks   blocks
	chunks   int // that the rows have filled so far
	held     []float32
	h        panelled // Σ x·x', damped in the end
	added    []float32
	c        panelled // Σ full·x', then Σ (full-x)·x'
	compared int      // chunks in c
	pooled   int      // tokens of other experts that count as well
	waiting  []chunk
	matrices []*wanted
	solvers  map[gridKind][]*Solver // with all starts
}

// wanted is a matrix of a site that is to be chosen.
type wanted struct {
	*infer.Linear
	full *fullSite // what the full model has there; nil: nothing to aim at

	// Of a matrix whose product is added to the residual stream, with the stream in front of the sum:
	bySum  bool
	blocks blocks
	r      panelled  // Σ (full stream - stream)·x', the full model's behind the sum
	missed []float32 // (full stream - stream) of the rows that are held back
}

// note takes down an input of the artifact for a matrix; sum is the residual stream in front of its sum.
func (u *run) note(w *infer.Linear, x []float32, n int, sum []float32) error {
	k := key{w.Name, w.Expert}
	s := u.sites[k]
	switch {
	case s == nil && u.seen == &x[0]:
		s = u.last
	case s == nil:
		s = &site{cols: w.Cols, expert: w.Expert, routed: w.Routed, solvers: map[gridKind][]*Solver{}}
		u.list = append(u.list, s)
	}
	u.sites[k], u.seen, u.last = s, &x[0], s
	fit := u.fitRows(w, n)
	if s.group <= u.at.number {
		s.group = u.at.number + 1
		if err := u.add(s, x[:n*s.cols], fit); err != nil {
			return err
		}
	}
	if u.settled[k] {
		return nil // it counts for the experts behind it
	}
	i := slices.IndexFunc(s.matrices, func(m *wanted) bool { return m.Linear == w })
	if i < 0 {
		i = len(s.matrices)
		s.matrices = append(s.matrices, &wanted{Linear: w, full: u.full[k]})
	}
	return u.aim(s, s.matrices[i], fit, sum)
}

// add adds the current group's rows to a site.
func (u *run) add(s *site, x []float32, fit int) error {
	if s.routed {
		s.held = append(s.held, x[fit*s.cols:]...)
	} else {
		s.held = u.heldOf(s.held, x, s.cols)
	}
	rows := s.blocks.take(x[:fit*s.cols], s.cols, !s.routed && u.ends())
	if len(rows) == 0 {
		return nil
	}
	s.chunks++
	if s.routed {
		c, err := u.keep(rows, s.cols)
		s.waiting = append(s.waiting, c)
		return err
	}
	if err := u.moments.load(&u.codes, rows, len(rows)/s.cols, s.cols); err != nil {
		return err
	}
	return u.moments.add(&s.h, &u.codes, &u.codes)
}

// aim adds what the current group's outputs miss: the codes are those that were added last.
func (u *run) aim(s *site, m *wanted, fit int, sum []float32) error {
	f := m.full
	switch {
	case f == nil:
	case f.behind != nil && sum != nil:
		m.bySum = true
		goal, err := u.shelf.get(f.behind, u.at.start*u.width, (u.at.start+u.at.n)*u.width, &u.words)
		if err != nil {
			return err
		}
		u.rows = sized(u.rows, len(goal))
		u.inParts(len(goal), func(from, to int) {
			sum := sum[from:to]
			for i, v := range goal[from:to] {
				u.rows[from+i] = v - sum[i]
			}
		})
		m.missed = u.heldOf(m.missed, u.rows, u.width)
		rows := m.blocks.take(u.rows[:fit*u.width], u.width, u.ends())
		if len(rows) == 0 {
			return nil
		}
		if err := u.moments.load(&u.outputs, rows, len(rows)/u.width, u.width); err != nil {
			return err
		}
		return u.moments.add(&m.r, &u.outputs, &u.codes)
	case len(f.chunks) == 0 || s.routed:
		m.full = nil
	case s.compared < s.chunks:
		s.compared = s.chunks
		var full kernel.Columns
		if err := u.kept(f.chunks[s.chunks-1], s.cols, &full); err != nil {
			return err
		}
		return u.moments.add(&s.c, &full, &u.codes)
	}
	return nil
}

// finish completes the moments of a site.
func (u *run) finish(s *site) error {
	if s.routed {
		for _, c := range s.waiting {
			var codes kernel.Columns
			if err := u.kept(c, s.cols, &codes); err != nil {
				return err
			}
			if err := u.moments.add(&s.h, &codes, &codes); err != nil {
				return err
			}
		}
		if rest := s.blocks.rest; len(rest) > 0 {
			if err := u.moments.load(&u.codes, rest, len(rest)/s.cols, s.cols); err != nil {
				return err
			}
			if err := u.moments.add(&s.h, &u.codes, &u.codes); err != nil {
				return err
			}
		}
		s.waiting = nil
	}
	if s.h.v == nil { // no row to fit on
		s.h = newPanelled(s.cols, s.cols)
	}
	s.h.mirror()
	return nil
}

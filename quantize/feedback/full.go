package feedback

import (
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// fullSite is what the full model has at the inputs of a matrix.
type fullSite struct {
	group  int // the next one whose rows it lacks
	blocks blocks
	chunks []chunk   // inputs to fit on, where the product is not added to the residual stream
	held   []float32 // those held back
	behind *slab     // [tokens][width]: the residual stream behind the sum
}

// chunk is activations on the shelf, rounded to 8 bits.
type chunk struct {
	*slab
	tokens int
}

// noteFull takes down an input of the full model.
func (u *run) noteFull(w *infer.Linear, x []float32, n int, bySum bool) error {
	k, cols := key{w.Name, w.Expert}, w.Cols
	s := u.full[k]
	switch {
	case s == nil && u.seen == &x[0] && !bySum:
		s = u.lastFull
	case s == nil:
		s = &fullSite{}
	}
	u.full[k], u.seen, u.lastFull = s, &x[0], s
	if s.group > u.at.number || bySum {
		return nil
	}
	s.group = u.at.number + 1
	s.held = u.heldOf(s.held, x, cols)
	rows := s.blocks.take(x[:u.fitRows(w, n)*cols], cols, u.ends())
	if len(rows) == 0 {
		return nil
	}
	c, err := u.keep(rows, cols)
	s.chunks = append(s.chunks, c)
	return err
}

// keep rounds rows and puts them on the shelf.
func (u *run) keep(rows []float32, cols int) (c chunk, err error) {
	if err := u.moments.load(&u.codes, rows, len(rows)/cols, cols); err != nil {
		return c, err
	}
	words := u.codes.Words()
	c = chunk{u.shelf.take(len(words)), len(rows) / cols}
	return c, u.shelf.put(c.slab, 0, words)
}

// kept shows a chunk.
func (u *run) kept(c chunk, cols int, to *kernel.Columns) error {
	words, err := u.shelf.get(c.slab, 0, c.n, &u.words)
	if err == nil {
		to.Borrow(words, c.tokens, cols)
	}
	return err
}

// behind takes down the full model's residual stream behind a sum.
func (u *run) behind(w *infer.Linear, stream, product []float32, n int) {
	if !u.active || u.art != nil || n == 0 {
		return
	}
	s := u.full[key{w.Name, w.Expert}]
	if s.behind == nil {
		s.behind = u.shelf.take(u.tokens * u.width)
	}
	u.rows = sized(u.rows, n*u.width)
	u.inParts(n*u.width, func(from, to int) {
		y := product[from:to]
		for i, v := range stream[from:to] {
			u.rows[from+i] = v + y[i]
		}
	})
	u.stop(u.shelf.put(s.behind, u.at.start*u.width, u.rows))
}

// inParts calls f for parts of n numbers.
func (u *run) inParts(n int, f func(from, to int)) {
	const size = 1 << 16
	u.pool.Run((n+size-1)/size, func(_, task int) { f(task*size, min(n, (task+1)*size)) })
}

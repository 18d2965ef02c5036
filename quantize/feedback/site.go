package feedback

import (
	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// site is what matrices with one input read in the full model.
type site struct {
	tokens, cols int
	codes        kernel.Columns // of the tokens to fit on
	held         []float32      // [held][cols]: some of those that are held back
	stream       []float32      // [tokens][width]: the residual stream behind their sum; nil: they are not added to it
	memory       []float32      // for stream
}

// sites are those of the current layers. Their memory serves the next ones.
type sites struct {
	of   map[key]*site
	list []*site
	used int
	last *site
}

func (s *sites) reset() { s.of, s.used = map[key]*site{}, 0 }

// next is a new site.
func (s *sites) next() *site {
	if s.used == len(s.list) {
		s.list = append(s.list, &site{})
	}
	s.last = s.list[s.used]
	s.used++
	s.last.stream = nil
	return s.last
}

// note takes down a site's inputs.
func (u *run) note(x []float32, n int) error {
	s := u.sites.next()
	s.tokens, s.cols = n, len(x)/n
	fit := min(n, u.fit)
	s.held = s.held[:0]
	for t := range heldRows(n, fit) {
		s.held = append(s.held, x[t*s.cols:][:s.cols]...)
	}
	return u.moments.load(&s.codes, x, fit, s.cols)
}

// behind takes down the full model's residual stream behind a sum.
func (u *run) behind(_ *infer.Linear, stream, product []float32, n int) {
	if !u.active || u.art != nil || u.err != nil || n == 0 {
		return
	}
	s, size := u.sites.last, n*u.width
	s.memory = sized(s.memory, size)
	s.stream = s.memory
	tasks := (n + kernel.ColumnTokens - 1) / kernel.ColumnTokens
	u.pool.Run(tasks, func(_, task int) {
		from, to := task*kernel.ColumnTokens*u.width, min(size, (task+1)*kernel.ColumnTokens*u.width)
		y := product[from:to]
		for i, v := range stream[from:to] {
			s.stream[from+i] = v + y[i]
		}
	})
}

func sized(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}

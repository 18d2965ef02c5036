package feedback

import "slices"

// expertPool is the moments of the experts of a stage so far.
type expertPool struct {
	h      []float32
	tokens int
}

// share adds to an expert's moments those of the experts before it, as if of as many tokens as there are columns: an
// expert may have seen few.
func (p *expertPool) share(s *site) {
	own := slices.Clone(s.h.v)
	if p.tokens > 0 {
		s.pooled = min(s.cols, p.tokens)
		f := float32(s.pooled) / float32(p.tokens)
		for i, v := range p.h {
			s.h.v[i] += float32(f * v)
		}
	}
	if p.h == nil {
		p.h = make([]float32, len(own))
	}
	for i, v := range own {
		p.h[i] += v
	}
	p.tokens += s.blocks.rows
}

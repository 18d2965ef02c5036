package feedback

import (
	"slices"

	"bitmill/eval/infer"
)

// expertMoments is the moments of the experts of a tensor so far.
type expertMoments struct {
	h      []float32
	tokens int
}

// share adds to an expert's moments those of the experts before it, as if of as many tokens as there are columns: an
// expert may have seen few.
func (m *matrix) share(s *solving, name string) {
	p := m.pools[name]
	if p == nil {
		p = &expertMoments{h: make([]float32, len(s.h.v))}
		m.pools[name] = p
	}
	own := slices.Clone(s.h.v)
	if p.tokens > 0 {
		s.pooled = min(m.n, p.tokens)
		f := float32(s.pooled) / float32(p.tokens)
		for i, v := range p.h {
			s.h.v[i] += float32(f * v)
		}
	}
	for i, v := range own {
		p.h[i] += v
	}
	p.tokens += s.n
}

// part is the data of a matrix of a stack.
func part(data []byte, w *infer.Linear) []byte {
	if w.Experts == 0 {
		return data
	}
	size := len(data) / w.Experts
	return data[w.Expert*size : (w.Expert+1)*size]
}

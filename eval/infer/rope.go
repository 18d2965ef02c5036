package infer

import (
	"math"
	"sync"

	"bitmill/formats/checkpoint/arch"
)

// ropeTable holds the cosines and sines of rotary position embedding (arXiv 2104.09864). Pair i of a head turns by
//
//	angle(pos, i) = pos / factor_i * base^(-2i/dims)
//
// where factor_i is the factor of linear scaling, or the scaling's factor for the pair. Cosine and sine are multiplied
// by the scaling's magnitude. Each position is computed once.
type ropeTable struct {
	config arch.Rope
	mu     sync.Mutex
	angles
}

type angles struct{ cos, sin []float32 } // [position][dims/2]

// upTo returns the tables for positions [0, n).
func (r *ropeTable) upTo(n int) angles {
	r.mu.Lock()
	defer r.mu.Unlock()
	half := r.config.Dims / 2
	if half == 0 || n*half <= len(r.cos) {
		return r.angles
	}
	turn, size := make([]float64, half), 1.0 // turn: the angle of one position
	if r.config.Magnitude != 0 {
		size = r.config.Magnitude
	}
	for i := range turn {
		turn[i] = math.Pow(r.config.Base, -2*float64(i)/float64(r.config.Dims))
	}
	for pos := len(r.cos) / half; pos < n; pos++ {
		for i := range half {
			angle := float64(pos) * turn[i]
			if r.config.Scaling == "linear" {
				angle /= r.config.Factor
			}
			if r.config.Factors != nil {
				angle /= float64(r.config.Factors[i])
			}
			s, c := math.Sincos(angle)
			r.cos, r.sin = append(r.cos, float32(c*size)), append(r.sin, float32(s*size))
		}
	}
	return r.angles
}

// The rotary embeddings of a model.
const (
	noRope    = -1
	ropeAll   = iota - 1
	ropeLocal // of layers with a window, if theirs differs
	ropeLong  // in long contexts, if it differs there
	ropeKinds
)

// setRope configures the tables of the rotary embeddings that the model has.
func (m *Model) setRope() {
	c := &m.Config
	m.rope[ropeAll].config = c.Rope
	if c.LocalRope != nil {
		m.rope[ropeLocal].config = *c.LocalRope
	}
	if c.Rope.LongFactors != nil {
		long := c.Rope
		long.Factors = c.Rope.LongFactors
		m.rope[ropeLong].config = long
	}
}

// ropeKind is the rotary embedding of layer i.
func ropeKind(c *arch.Config, i int) int {
	switch c.RopeOf(i) {
	case nil:
		return noRope
	case c.LocalRope:
		return ropeLocal
	}
	return ropeAll
}

// long reports whether a context of n positions needs the embedding for long ones.
func (m *Model) long(n int) bool {
	return m.Config.Rope.LongFactors != nil && n > m.Config.Rope.OriginalContext
}

// rotate normalizes one head (when gain is not nil) and turns it as at position pos of a span.
func (p *pass) rotate(head, gain []float32, kind, span, pos int) {
	if gain != nil {
		p.set.RMSNorm(head, head, gain, p.m.Config.NormEps)
	}
	if kind == ropeAll && p.spans[span].long {
		kind = ropeLong
	}
	if kind == noRope {
		return
	}
	r, a := &p.m.rope[kind].config, &p.angles[kind]
	half := r.Dims / 2
	p.set.RoPE(head, a.cos[pos*half:(pos+1)*half], a.sin[pos*half:(pos+1)*half], r.Interleaved)
}

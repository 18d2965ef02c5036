package infer

import (
	"math"
	"slices"
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
	arch.Rope
	of *arch.Rope // the layers' configuration that it is for
	mu sync.Mutex
	angles
}

type angles struct{ cos, sin []float32 } // [position][dims/2]

// upTo returns the tables for positions [0, n).
func (r *ropeTable) upTo(n int) angles {
	r.mu.Lock()
	defer r.mu.Unlock()
	half := r.Dims / 2
	if half == 0 || n*half <= len(r.cos) {
		return r.angles
	}
	turn, size := make([]float64, half), 1.0 // turn: the angle of one position
	if r.Magnitude != 0 {
		size = r.Magnitude
	}
	for i := range turn {
		turn[i] = math.Pow(r.Base, -2*float64(i)/float64(r.Dims))
	}
	for pos := len(r.cos) / half; pos < n; pos++ {
		for i := range half {
			angle := float64(pos) * turn[i]
			if r.Scaling == "linear" {
				angle /= r.Factor
			}
			if r.Factors != nil {
				angle /= float64(r.Factors[i])
			}
			s, c := math.Sincos(angle)
			r.cos, r.sin = append(r.cos, float32(c*size)), append(r.sin, float32(s*size))
		}
	}
	return r.angles
}

const noRope = -1

// ropeOf is the index of a rotary embedding in Model.rope. The table for long contexts, if it differs, comes next.
func (m *Model) ropeOf(r *arch.Rope) int {
	if r == nil {
		return noRope
	}
	i := slices.IndexFunc(m.rope, func(t *ropeTable) bool { return t.of == r })
	if i < 0 {
		i = len(m.rope)
		m.rope = append(m.rope, &ropeTable{Rope: *r, of: r})
		if long := *r; r.LongFactors != nil {
			long.Factors = r.LongFactors
			m.rope = append(m.rope, &ropeTable{Rope: long})
		}
	}
	return i
}

// rotate normalizes one head of queries or keys (when gain is not nil) and turns it as at position pos of a span.
func (p *pass) rotate(a *attention, head, gain []float32, span, pos int) {
	if gain != nil && !a.lateNorms {
		p.set.RMSNorm(head, head, gain, p.m.Config.NormEps)
	}
	if a.rope != noRope {
		p.turn(head, a.rope, span, pos)
	}
	if gain != nil && a.lateNorms {
		p.set.RMSNorm(head, head, gain, p.m.Config.NormEps)
	}
}

// turn turns one head by a rotary embedding.
func (p *pass) turn(head []float32, rope, span, pos int) {
	r := p.m.rope[rope]
	if r.LongFactors != nil && p.spans[span].context > r.OriginalContext {
		rope++
	}
	a, half := &p.angles[rope], r.Dims/2
	p.set.RoPE(head, a.cos[pos*half:(pos+1)*half], a.sin[pos*half:(pos+1)*half], r.Interleaved)
}

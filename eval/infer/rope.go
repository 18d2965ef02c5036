package infer

import (
	"math"
	"sync"

	"bitmill/formats/checkpoint"
)

// ropeTable gives the cosines and sines of rotary position embedding (arXiv 2104.09864): pair i of a head turns by
//
//	angle(pos, i) = pos / factor_i * base^(-2i/dims)
//
// where factor_i is the linear scaling factor or the checkpoint's rope_freqs entry. Rows are made once per position.
type ropeTable struct {
	config checkpoint.Rope
	mu     sync.Mutex
	cos    []float32 // [position][dims/2]
	sin    []float32
}

// upTo returns the tables for positions [0, n).
func (r *ropeTable) upTo(n int) (cos, sin []float32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	half := r.config.Dims / 2
	if half == 0 || n*half <= len(r.cos) {
		return r.cos, r.sin
	}
	turn := make([]float64, half) // of one position
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
			r.cos, r.sin = append(r.cos, float32(c)), append(r.sin, float32(s))
		}
	}
	return r.cos, r.sin
}

// rotate normalises (when gain is not nil) and turns one head at position pos.
func (p *pass) rotate(head, gain []float32, pos int) {
	c := &p.m.Config
	half := c.Rope.Dims / 2
	if gain != nil {
		p.set.RMSNorm(head, head, gain, c.NormEps)
	}
	p.set.RoPE(head, p.cos[pos*half:(pos+1)*half], p.sin[pos*half:(pos+1)*half], c.Rope.Interleaved)
}

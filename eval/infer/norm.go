package infer

import "bitmill/formats/checkpoint/arch"

// norm is the norm of a whole row, or of each part of it (heads) with its own gains.
type norm struct {
	gain, bias []float32 // of a whole row; without a gain rows stay as they are
	part       int       // length of a part; 0: the whole row
}

// normalize sets dst, which may be x, to the norm of x.
func (p *pass) normalize(dst, x []float32, n norm) {
	c := &p.m.Config
	switch {
	case n.gain == nil:
		copy(dst, x)
	case n.part > 0:
		for at := 0; at < len(x); at += n.part {
			end := at + n.part
			p.normalize(dst[at:end], x[at:end], norm{gain: n.gain[at:end]})
		}
	case c.Norm == arch.LayerNorm:
		p.set.LayerNorm(dst, x, n.gain, n.bias, c.NormEps)
	default:
		p.set.RMSNorm(dst, x, n.gain, c.NormEps)
	}
}

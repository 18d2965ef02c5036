package infer

import "bitmill/formats/checkpoint"

// norm is a norm over whole rows, or over parts of them (heads), each with gains of its own.
type norm struct {
	gain, bias []float32 // of a whole row; without a gain rows stay as they are
	part       int       // 0: the whole row
}

// normalize sets dst to the norm of x; they may be the same.
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
	case c.Norm == checkpoint.LayerNorm:
		p.set.LayerNorm(dst, x, n.gain, n.bias, c.NormEps)
	default:
		p.set.RMSNorm(dst, x, n.gain, c.NormEps)
	}
}

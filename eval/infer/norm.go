package infer

import "bitmill/formats/checkpoint"

// norm is a norm over the width of the residual stream; without a gain it leaves rows as they are.
type norm struct{ gain, bias []float32 }

// rowNorm is a norm over parts of a row of queries or keys, each with gains of its own: heads, or the whole row.
type rowNorm struct {
	gain []float32 // of a whole row; nil: none
	part int
}

// normalize sets dst to the norm of x; they may be the same.
func (p *pass) normalize(dst, x []float32, n norm) {
	c := &p.m.Config
	switch {
	case n.gain == nil:
		copy(dst, x)
	case c.Norm == checkpoint.LayerNorm:
		p.set.LayerNorm(dst, x, n.gain, n.bias, c.NormEps)
	default:
		p.set.RMSNorm(dst, x, n.gain, c.NormEps)
	}
}

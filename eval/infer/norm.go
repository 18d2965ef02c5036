package infer

import (
	"math"

	"bitmill/formats/checkpoint"
)

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
		layerNorm(dst, x, n, c.NormEps)
	default:
		p.set.RMSNorm(dst, x, n.gain, c.NormEps)
	}
}

// layerNorm sets dst = (x-mean) / sqrt(mean((x-mean)²) + eps) * gain + bias (arXiv 1607.06450).
func layerNorm(dst, x []float32, n norm, eps float32) {
	var mean, squares float64
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		squares += d * d
	}
	scale := 1 / math.Sqrt(squares/float64(len(x))+float64(eps))
	for i, v := range x {
		dst[i] = float32((float64(v)-mean)*scale) * n.gain[i]
	}
	for i, b := range n.bias {
		dst[i] += b
	}
}

// softCap sets x = limit * tanh(x/limit), by t = exp(-2|x|/limit): tanh is (1-t)/(1+t) with the sign of x.
func (p *pass) softCap(worker int, x []float32, limit float32) {
	t := grow(&p.workers[worker].row, len(x))
	for i, v := range x {
		t[i] = -2 * float32(math.Abs(float64(v))) / limit
	}
	p.set.ExpSum(t, 0)
	for i, v := range x {
		x[i] = float32(math.Copysign(float64(limit*(1-t[i])/(1+t[i])), float64(v)))
	}
}

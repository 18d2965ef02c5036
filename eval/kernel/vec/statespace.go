package vec

import "math"

// What a state space needs (arXiv 2405.21060). Its vectors of values come in panels of sixteen.

const panel = 16

// Negligible factors count as zero: products with them would be denormal numbers, which are slow.
const Negligible = 1e-30

// stateSpace is a set's functions for it.
type stateSpace struct {
	softplus, exp func(x []float32)
	stepState     func(h, y, v, b, c []float32, decay, gain, skip float32)
	decayRows     func(dst, src []float32, stride int, decay, gain, last []float32)
	mulRows       func(dst, src, by []float32)
}

var genericStateSpace = stateSpace{softplusGeneric, expGeneric, stepStateGeneric, decayRowsGeneric, mulRowsGeneric}

// Softplus sets x[i] = log(1+exp(x[i])).
func (s *Set) Softplus(x []float32) { s.softplus(x) }

// Exp sets x[i] = exp(x[i]), or 0 where that is negligible.
func (s *Set) Exp(x []float32) { s.exp(x) }

// StepState moves a state on by a token and reads it. For each panel p of v and y, with the state's panels h
// [panels][n][16],
//
//	h[p][i] = decay*h[p][i] + b[i]*gain*v[p]      y[p] = skip*v[p] + Σ_i c[i]*h[p][i]
//
// The length of v and y is a multiple of 16, that of b and c is n.
func (s *Set) StepState(h, y, v, b, c []float32, decay, gain, skip float32) {
	if len(v) == 0 || len(b) == 0 {
		return
	}
	_, _, _ = h[len(v)*len(b)-1], y[len(v)-1], c[len(b)-1]
	s.stepState(h, y, v, b, c[:len(b)], decay, gain, skip)
}

// DecayRows multiplies sixteen columns of rows by factors that decay from row to row: from last, the factors of the row
// before and afterwards those of the final one, with the unit vectors e,
//
//	last = decay[r]*last + gain[r]*e[r]      dst[r] = src[r]*last
//
// where e[r] is 0 for r >= 16. dst and src have a row of stride values for each decay. Negligible factors become 0.
func (s *Set) DecayRows(dst, src []float32, stride int, decay, gain, last []float32) {
	rows := len(decay)
	if rows == 0 {
		return
	}
	_, _, _, _ = dst[(rows-1)*stride+panel-1], src[(rows-1)*stride+panel-1], gain[rows-1], last[panel-1]
	s.decayRows(dst, src, stride, decay, gain, last)
}

// MulRows sets dst[r] = src[r]*by for so many rows of by's length, a multiple of 16.
func (s *Set) MulRows(dst, src, by []float32, rows int) {
	if n := rows * len(by); n > 0 {
		s.mulRows(dst[:n], src[:n], by)
	}
}

// stateSpaceOf makes functions of slices of generated ones, which take vectors of that width; strides are in bytes.
func stateSpaceOf(width int, softplus, exp func(x *float32, n int),
	step func(h, b, c *float32, n int, v, y *float32, panels int, decay, gain, skip float32),
	decayRows func(dst, src *float32, stride, diagonal, below int, decay, gain, last *float32),
	mulRows func(dst, src, by *float32, width, rows int)) stateSpace {
	return stateSpace{
		softplus: oneSlice(width, softplus, softplusGeneric),
		exp:      oneSlice(width, exp, expGeneric),
		stepState: func(h, y, v, b, c []float32, decay, gain, skip float32) {
			step(&h[0], &b[0], &c[0], len(b), &v[0], &y[0], len(v)/panel, decay, gain, skip)
		},
		decayRows: func(dst, src []float32, stride int, decay, gain, last []float32) {
			rows := len(decay)
			diagonal := min(rows, panel)
			decayRows(&dst[0], &src[0], 4*stride, diagonal, rows-diagonal, &decay[0], &gain[0], &last[0])
		},
		mulRows: func(dst, src, by []float32) { mulRows(&dst[0], &src[0], &by[0], len(by), len(dst)/len(by)) },
	}
}

// softplusGeneric takes log(1+y) as 2·artanh(y/(2+y)), whose argument is at most 1/3: the series up to the fifteenth
// power is exact to 2e-9.
func softplusGeneric(x []float32) {
	for i, v := range x {
		y := exp(-math.Float32frombits(magnitude(v)))
		y /= y + 2
		x[i] = FMA(polynomial(artanhSeries[:], float32(y*y)), y, max(v, 0))
	}
}

var artanhSeries = [...]float32{2. / 15, 2. / 13, 2. / 11, 2. / 9, 2. / 7, 2. / 5, 2. / 3, 2}

func expGeneric(x []float32) {
	for i, v := range x {
		if x[i] = exp(v); x[i] < Negligible {
			x[i] = 0
		}
	}
}

func stepStateGeneric(h, y, v, b, c []float32, decay, gain, skip float32) {
	for p := 0; p < len(v); p += panel {
		var by [panel]float32
		for j, x := range v[p:][:panel] {
			by[j] = gain * x
		}
		sum := writePanel(h[p*len(b):], &by, b, c, decay)
		for j, x := range v[p:][:panel] {
			y[p+j] = FMA(x, skip, sum[j])
		}
	}
}

func decayRowsGeneric(dst, src []float32, stride int, decay, gain, last []float32) {
	last = last[:panel]
	for r, f := range decay {
		for j := range last {
			if last[j] *= f; last[j] < Negligible {
				last[j] = 0
			}
		}
		if r < panel {
			last[r] += gain[r]
		}
		to, from := dst[r*stride:][:panel], src[r*stride:][:panel]
		for j, x := range from {
			to[j] = x * last[j]
		}
	}
}

func mulRowsGeneric(dst, src, by []float32) {
	for at := 0; at < len(dst); at += len(by) {
		for j, f := range by {
			dst[at+j] = src[at+j] * f
		}
	}
}

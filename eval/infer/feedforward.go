package infer

import (
	"math"

	"bitmill/formats/checkpoint"
)

// feedForward is down·(act(gate·x) * up·x), or down·act(up·x) without a gate.
type feedForward struct{ gate, up, down Linear }

// readers adds the matrices that read the layer's input.
func (f *feedForward) readers(list []*Linear) []*Linear {
	if f.gate.Rows > 0 {
		list = append(list, &f.gate)
	}
	return append(list, &f.up)
}

// dense runs a feed-forward layer on n rows that have been made for it, and leaves what down multiplies in the rows
// that it returns, made for down.
func (p *pass) dense(f *feedForward, in []float32, n int) []float32 {
	up := grow(&p.buf.up, n*f.up.Rows)
	if f.gate.Rows == 0 {
		p.linear(in, n, product{dst: up, w: &f.up})
		p.make(input{kind: gated, rows: up, n: n}, &f.down)
		return up
	}
	gate := grow(&p.buf.gate, n*f.gate.Rows)
	p.linear(in, n, product{dst: gate, w: &f.gate}, product{dst: up, w: &f.up})
	p.make(input{kind: gated, rows: gate, n: n, with: up}, &f.down)
	return gate
}

// activate sets row = act(row) * up; up is nil without a gate.
func (p *pass) activate(worker int, row, up []float32) {
	switch p.m.Config.Activation {
	case checkpoint.SiLU:
		if up != nil {
			p.set.SiLUMul(row, up)
			return
		}
		for i, v := range row {
			row[i] = float32(float64(v) / (1 + math.Exp(-float64(v))))
		}
	case checkpoint.GELUTanh:
		p.geluTanh(worker, row, up)
	case checkpoint.GELU:
		for i, v := range row {
			row[i] = float32(float64(v) * 0.5 * (1 + math.Erf(float64(v)/math.Sqrt2)))
		}
		multiply(row, up)
	case checkpoint.SwiGLUOAI:
		p.swigluOAI(row, up)
	}
}

// geluTanh is x * (1+tanh(√(2/π)(x + 0.044715x³))) / 2 = x * sigmoid(z), with z = ax(1 + 0.044715x²), a = 2√(2/π).
// That is silu(z) * x/z, and x/z has no x to divide by.
func (p *pass) geluTanh(worker int, row, up []float32) {
	const a = 1.5957691216057308
	over := grow(&p.workers[worker].row, len(row))
	for i, v := range row {
		slope := a * (1 + 0.044715*v*v)
		over[i], row[i] = 1/slope, v*slope
	}
	multiply(over, up)
	p.set.SiLUMul(row, over)
}

// swigluOAI is g*sigmoid(αg) * (u+1), with g cut off above and u on both sides: silu(αg) * (u+1)/α.
func (p *pass) swigluOAI(row, up []float32) {
	const alpha = 1.702
	for i, g := range row {
		row[i] = alpha * min(g, checkpoint.SwiGLULimit)
		up[i] = (min(max(up[i], -checkpoint.SwiGLULimit), checkpoint.SwiGLULimit) + 1) / alpha
	}
	p.set.SiLUMul(row, up)
}

// multiply sets x *= y; nothing without y.
func multiply(x, y []float32) {
	if y == nil {
		return
	}
	for i, v := range y[:len(x)] {
		x[i] *= v
	}
}

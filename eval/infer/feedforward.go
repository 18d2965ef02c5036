package infer

import "bitmill/formats/checkpoint"

// feedForward is down·(act(gate·x) * up·x), or down·act(up·x) without a gate.
type feedForward struct{ gate, up, down Linear }

// readers adds the matrices that read the layer's input.
func (f *feedForward) readers(list []*Linear) []*Linear {
	if f.gate.Rows > 0 {
		list = append(list, &f.gate)
	}
	return append(list, &f.up)
}

// dense runs a feed-forward layer on n rows that have been made for it, up to what down multiplies: see activated.
func (p *pass) dense(f *feedForward, in []float32, n int) []float32 {
	p.products = p.products[:0]
	p.enter(f, in, n)
	p.multiplyAll(n)
	return p.activated(f, n)
}

// enter adds the layer's products with n rows to those that are to be done.
func (p *pass) enter(f *feedForward, in []float32, n int) {
	if f.gate.Rows > 0 {
		p.add(in, n, product{dst: grow(&p.buf.gate, n*f.gate.Rows), w: &f.gate})
	}
	p.add(in, n, product{dst: grow(&p.buf.up, n*f.up.Rows), w: &f.up})
}

// activated makes n rows for down, and returns them.
func (p *pass) activated(f *feedForward, n int) []float32 {
	in := input{kind: gated, rows: p.buf.up, n: n, ffn: f}
	if f.gate.Rows > 0 {
		in.rows, in.with = p.buf.gate, p.buf.up
	}
	p.make(in, &f.down)
	return in.rows
}

// activate sets row = act(row) * up; up is nil without a gate. The rows come without the biases of f.
func (p *pass) activate(f *feedForward, row, up []float32) {
	if up == nil {
		p.addBias(row, f.up.bias)
	} else {
		p.addBias(row, f.gate.bias)
		p.addBias(up, f.up.bias)
	}
	switch p.m.Config.Activation {
	case checkpoint.SiLU:
		p.set.SiLUMul(row, up)
	case checkpoint.GELUTanh:
		p.set.GELUTanhMul(row, up)
	case checkpoint.GELU:
		p.set.GELUMul(row, up)
	case checkpoint.SwiGLUOAI:
		p.set.SwiGLUOAIMul(row, up, checkpoint.SwiGLULimit)
	}
}

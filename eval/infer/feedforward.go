package infer

import (
	"fmt"
	"math"

	"bitmill/eval/kernel/vec"
	"bitmill/formats"
	"bitmill/formats/checkpoint/arch"
)

// feedForward is down·(act(gate·x) * up·x), or down·act(up·x) without a gate.
type feedForward struct {
	gate, up, down Linear
	act            arch.Activation
	xielu          vec.XIELU // of the activation XIELU
	sub            norm      // of the input of down

	sparse bool    // only what the gates exceed mean + cut*deviation by counts
	cut    float64 // see arch.Variant.Sparsity
}

// feedForward binds the matrices whose names end in suffix. Gate and up may be one tensor, the gate first; there may be
// no gate.
func (l *loader) feedForward(blk func(string) string, suffix string, width int) feedForward {
	c := &l.c.Config
	name := func(s string) string { return blk(s + suffix + ".weight") }
	f := feedForward{down: l.linear(name("ffn_down"), width, c.Width), act: c.Activation,
		sub: l.norm(blk("ffn_sub_norm"+suffix), width)}
	up, _ := l.c.Tensor(name("ffn_up"))
	switch {
	case l.has(name("ffn_gate")):
		f.gate, f.up = l.linear(name("ffn_gate"), c.Width, width), l.linear(name("ffn_up"), c.Width, width)
	case up != nil && up.Rows() == 2*int64(width):
		parts := l.fused(name("ffn_up"), c.Width, width, width)
		f.gate, f.up = parts[0], parts[1]
	default:
		f.up = l.linear(name("ffn_up"), c.Width, width)
	}
	return f
}

func (f *feedForward) matrices() []*Linear { return []*Linear{&f.gate, &f.up, &f.down} }

func (f *feedForward) mix(p *pass) {
	f.queueInputs(p, p.input(&f.gate, &f.up))
	p.multiplyAll(p.rows)
	p.project(f.prepareDown(p), &f.down)
}

// queueInputs queues the products of gate and up with the current rows.
func (f *feedForward) queueInputs(p *pass, in []float32) {
	p.queue(in, p.rows, product{dst: grow(&p.buf.gate, p.rows*f.gate.Rows), w: &f.gate})
	p.queue(in, p.rows, product{dst: grow(&p.buf.up, p.rows*f.up.Rows), w: &f.up})
}

// prepareDown returns the rows that down multiplies, prepared.
func (f *feedForward) prepareDown(p *pass) []float32 {
	in := preparation{by: f, rows: p.buf.up, n: p.rows}
	if f.gate.Rows > 0 {
		in.rows, in.with = p.buf.gate, p.buf.up
	}
	p.prepare(in, &f.down)
	return in.rows
}

// makeRow sets row = act(row) * up, up being row t of the preparation's second rows, or 1 without a gate. It adds the
// biases first.
func (f *feedForward) makeRow(p *pass, row []float32, t int) {
	var up []float32
	if p.prep.with == nil {
		p.addBias(row, f.up.bias)
	} else {
		up = p.prep.with[t*len(row):][:len(row)]
		p.addBias(row, f.gate.bias)
		p.addBias(up, f.up.bias)
	}
	if f.sparse {
		keepLargest(row, f.cut)
	}
	switch f.act {
	case arch.SiLU:
		p.set.SiLUMul(row, up)
	case arch.GELUTanh:
		p.set.GELUTanhMul(row, up)
	case arch.GELU:
		p.set.GELUMul(row, up)
	case arch.ReLUSquared:
		p.set.ReLUSquaredMul(row, up)
	case arch.XIELU:
		p.set.XIELU(row, &f.xielu)
		if up != nil {
			p.set.Mul(row, up)
		}
	case arch.SwiGLUOAI:
		p.set.SwiGLUOAIMul(row, up, arch.SwiGLULimit)
	}
	if f.sub.gain != nil {
		p.normalize(row, row, f.sub)
	}
}

// xielu makes the numbers of layer i's xIELU from those that the model stores.
func (l *loader) xielu(i int) vec.XIELU {
	c := &l.c.Config
	if c.Activation != arch.XIELU {
		return vec.XIELU{}
	}
	if c.XIELU == nil {
		l.fail(fmt.Errorf("%w: the parameters of xIELU are missing", formats.ErrCorrupt))
		return vec.XIELU{}
	}
	softplus := func(x float32) float32 { return float32(math.Log1p(math.Exp(float64(x)))) }
	p := &c.XIELU[i]
	return vec.XIELU{Positive: softplus(p.AlphaP), Negative: p.Beta + softplus(p.AlphaN), Beta: p.Beta, Eps: p.Eps}
}

// keepLargest sets x = max(x - mean - cut*deviation, 0).
func keepLargest(x []float32, cut float64) {
	n := float64(len(x))
	var sums, squares [4]float64
	for i, v := range x {
		sums[i%4] += float64(v)
	}
	mean := (sums[0] + sums[1] + sums[2] + sums[3]) / n
	for i, v := range x {
		d := float64(v) - mean
		squares[i%4] += d * d
	}
	least := float32(mean + cut*math.Sqrt((squares[0]+squares[1]+squares[2]+squares[3])/n))
	for i, v := range x {
		x[i] = max(v-least, 0)
	}
}

package infer

import (
	"fmt"
	"math"

	"bitmill/formats"
)

// delta is the gated delta rule (arXiv 2412.06464): each head keeps a matrix S of keyDim rows and valueDim columns,
// which a token reads by its key and corrects towards its value,
//
//	S' = exp(g)*S   S = S' + k (beta*(v - S'ᵀk))ᵀ   y = Sᵀq   g = a*softplus(alpha + dt)   beta = sigmoid(b)
//
// Queries, keys and values pass a convolution and SiLU before; q and k have length 1, q times 1/sqrt(keyDim). The norm
// of y, times SiLU of a gate, goes through the output matrix. Several heads share a query and a key.
type delta struct {
	slot
	qkv, z, out Linear // z makes the gate
	alpha, beta Linear
	both        Linear // alpha and beta in one matrix: of each key head first beta, then alpha
	conv        conv
	a, dt       []float32 // of each head; a < 0
	gain        []float32 // [valueDim]

	heads, keyHeads  int
	keyDim, valueDim int
	tiled            bool // head h shares the key of key head h % keyHeads, not of h / (heads/keyHeads)

	qGain, kGain []float32 // [keyDim]
}

// delta binds the mixer of layer i.
func (l *loader) delta(blk func(string) string) *delta {
	c, n := &l.c.Config, l.c.Config.SSM
	values := n.Inner
	d := &delta{
		qkv: l.linear(blk("attn_qkv.weight"), c.Width, n.ConvWidth()),
		z:   l.linear(blk("attn_gate.weight"), c.Width, values),
		out: l.linear(blk("ssm_out.weight"), values, c.Width), conv: l.conv(blk("ssm_conv1d"), n.ConvWidth(), n.Conv),
		a: l.vector(blk("ssm_a"), n.Heads), dt: l.vector(blk("ssm_dt.bias"), n.Heads),
		gain:  l.vector(blk("ssm_norm.weight"), n.HeadDim()),
		heads: n.Heads, keyHeads: n.Groups, keyDim: n.State, valueDim: n.HeadDim(), tiled: n.Tiled,
	}
	if l.has(blk("ssm_ba.weight")) {
		d.both = l.linear(blk("ssm_ba.weight"), c.Width, 2*n.Heads)
	} else {
		d.beta = l.linear(blk("ssm_beta.weight"), c.Width, n.Heads)
		d.alpha = l.linear(blk("ssm_alpha.weight"), c.Width, n.Heads)
	}
	for _, w := range []*Linear{&d.qkv, &d.alpha, &d.beta, &d.both} {
		w.stored = true
	}
	for i, v := range d.a {
		if !(v <= 0) {
			l.fail(fmt.Errorf("tensor %s: %w: value %d is %v, not negative", blk("ssm_a"), formats.ErrCorrupt, i, v))
		}
	}
	d.setGains()
	return d
}

// setGains makes the RMS norm of queries and keys one of length, and scales queries.
func (d *delta) setGains() {
	for range d.keyDim {
		d.kGain = append(d.kGain, float32(1/math.Sqrt(float64(d.keyDim))))
		d.qGain = append(d.qGain, 1/float32(d.keyDim))
	}
}

// lengthEps is added to the square of a key's length.
const lengthEps = 1e-6

// deltaState is the window of the convolution and the heads' matrices, in panels of 16 columns.
type deltaState struct {
	window []float32
	s      []float32 // [heads][ceil(valueDim/16)][keyDim][16]
}

func (d *delta) newState(old state, _ int) state {
	s, ok := old.(*deltaState)
	if !ok {
		s = new(deltaState)
	}
	grow(&s.window, d.conv.window())
	grow(&s.s, d.heads*d.matrix())
	s.reset()
	return s
}

// matrix is the number of values in the matrix of a head.
func (d *delta) matrix() int { return wholePanels(d.valueDim) * d.keyDim }

func (s *deltaState) bytes() int64 { return 4 * int64(len(s.window)+len(s.s)) }

func (s *deltaState) reset() {
	clear(s.window)
	clear(s.s)
}

func (d *delta) stateBytes(int) int64 { return 4 * int64(d.conv.window()+d.heads*d.matrix()) }

func (d *delta) matrices() []*Linear {
	return []*Linear{&d.qkv, &d.z, &d.beta, &d.alpha, &d.both, &d.out}
}

// deltaBuffers are the rows of a pass.
type deltaBuffers struct{ qkv, alpha, beta, both, y, z []float32 }

func (d *delta) mix(p *pass) {
	in, b := p.input(&d.qkv, &d.z, &d.beta, &d.alpha, &d.both), &p.delta
	n, late := p.rows, d.last && p.narrows
	p.queue(in, n, product{dst: grow(&b.qkv, n*d.qkv.Rows), w: &d.qkv})
	if !late {
		p.queue(in, n, product{dst: grow(&b.z, n*d.z.Rows), w: &d.z})
	}
	p.queue(in, n, product{dst: grow(&b.beta, n*d.beta.Rows), w: &d.beta})
	p.queue(in, n, product{dst: grow(&b.alpha, n*d.alpha.Rows), w: &d.alpha})
	p.queue(in, n, product{dst: grow(&b.both, n*d.both.Rows), w: &d.both})
	p.multiplyAll(n)
	y := grow(&b.y, n*d.out.Cols)
	p.recall(d)
	p.run(len(p.spans)*d.keyHeads, (*deltaStep)(d))
	if late {
		p.narrow(y, d.out.Cols)
		if n = p.rows; n == 0 {
			return
		}
		p.prepareRows(in, n, &d.z)
		p.multiply(in, n, product{dst: grow(&b.z, n*d.z.Rows), w: &d.z})
	}
	p.prepare(preparation{by: d, rows: y[:n*d.out.Cols], with: b.z, n: n}, &d.out)
	p.project(y, &d.out)
}

// makeRow normalizes a token's heads and multiplies them by their gates.
func (d *delta) makeRow(p *pass, row []float32, t int) {
	gate := p.prep.with[t*len(row):][:len(row)]
	for at := 0; at < len(row); at += d.valueDim {
		head := row[at:][:d.valueDim]
		p.set.RMSNorm(head, head, d.gain, p.m.Config.NormEps)
	}
	p.set.SiLUMul(gate, row)
	copy(row, gate)
}

// gates sets the decays and betas of n tokens for head h.
func (d *delta) gates(p *pass, w *deltaScratch, row, h, n int) {
	alpha, beta, wide, x, y := p.delta.alpha, p.delta.beta, d.heads, h, h
	if d.both.Rows > 0 {
		group := d.heads / d.keyHeads
		y = h/group*2*group + h%group
		alpha, beta, wide, x = p.delta.both, p.delta.both, 2*d.heads, y+group
	}
	clear(grow(&w.decay, wholePanels(n)))
	clear(grow(&w.beta, wholePanels(n)))
	for t := range n {
		w.decay[t], w.beta[t] = alpha[(row+t)*wide+x]+d.dt[h], beta[(row+t)*wide+y]
	}
	p.set.Softplus(w.decay)
	p.set.Scale(w.decay, d.a[h])
	p.set.Exp(w.decay)
	p.set.Sigmoid(w.beta)
	for len(w.ones) < n {
		w.ones = append(w.ones, 1)
	}
}

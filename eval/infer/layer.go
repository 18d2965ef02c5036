package infer

import "bitmill/formats/kernel"

// rowsPerTask is how many weight rows one task of a matrix product covers: a multiple of every kernel's tile, small
// enough to balance two workers on a small matrix.
const rowsPerTask = 32

// layer runs layer i on the batch in buf.x. In the last layer everything after keys and values is done only for the
// rows whose logits are wanted, which then lie packed at the front of buf.x.
func (p *pass) layer(i int) {
	l, c := &p.m.layers[i], p.m.Config
	q, kvDim := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	n := p.n
	p.norm(l.attnNorm, n)
	k, v := grow(&p.buf.k, n*kvDim), grow(&p.buf.v, n*kvDim)
	p.linear(k, &l.k, p.buf.norm, n)
	p.linear(v, &l.v, p.buf.norm, n)
	p.headsOf(k, l.kNorm, c.KVHeads)
	p.store(i, k, v)

	packed := i == len(p.m.layers)-1 && p.o.Observe == nil
	if packed {
		p.keepWanted(p.buf.norm, c.Width)
		p.keepWanted(p.buf.x, c.Width)
		p.loaded = [formCount]bool{}
		if n = p.wantedRows(); n == 0 {
			return
		}
	}
	qx := grow(&p.buf.q, n*q)
	p.linear(qx, &l.q, p.buf.norm, n)
	p.queries(qx, l.qNorm, packed)
	attn := grow(&p.buf.attn, n*q)
	p.attention(attn, qx, i, packed)
	p.residual(&l.o, attn, n)

	p.norm(l.ffnNorm, n)
	gate, up := grow(&p.buf.gate, n*c.FFN), grow(&p.buf.up, n*c.FFN)
	p.linear(gate, &l.gate, p.buf.norm, n)
	p.linear(up, &l.up, p.buf.norm, n)
	p.pool.Run(n, func(_, t int) {
		p.set.SiLUMul(gate[t*c.FFN:(t+1)*c.FFN], up[t*c.FFN:(t+1)*c.FFN])
	})
	p.residual(&l.down, gate, n)
}

func (p *pass) wantedRows() int {
	n := 0
	for _, s := range p.spans {
		n += s.wanted
	}
	return n
}

// norm fills buf.norm with the RMS norm of the first n rows of buf.x.
func (p *pass) norm(gain []float32, n int) {
	w := p.m.Config.Width
	dst := grow(&p.buf.norm, n*w)
	p.pool.Run(n, func(_, t int) {
		p.set.RMSNorm(dst[t*w:(t+1)*w], p.buf.x[t*w:(t+1)*w], gain, p.m.Config.NormEps)
	})
	p.loaded = [formCount]bool{}
}

// residual adds W·in to the first n rows of buf.x.
func (p *pass) residual(w *Linear, in []float32, n int) {
	proj := grow(&p.buf.proj, n*w.Rows)
	p.loaded = [formCount]bool{}
	p.linear(proj, w, in, n)
	p.loaded = [formCount]bool{}
	p.pool.Run(n, func(_, t int) {
		p.set.Add(p.buf.x[t*w.Rows:(t+1)*w.Rows], proj[t*w.Rows:(t+1)*w.Rows])
	})
}

// linear computes dst = W·in + b for n rows. The input's quantized form is kept until the next input, so that
// products that share an input (Q, K, V; gate, up) share it.
func (p *pass) linear(dst []float32, w *Linear, in []float32, n int) {
	if p.o.Observe != nil {
		p.o.Observe(w, in[:n*w.Cols], n)
	}
	b := &p.forms[w.form]
	if !p.loaded[w.form] {
		p.load(b, w.form, in, n, w.Cols)
		p.loaded[w.form] = true
	}
	p.pool.Run((w.Rows+rowsPerTask-1)/rowsPerTask, func(worker, task int) {
		r0 := task * rowsPerTask
		r1 := min(r0+rowsPerTask, w.Rows)
		if err := p.set.MatMul(dst, w.Rows, w.Matrix, b, r0, r1, &p.scratch[worker]); err != nil {
			p.err[worker] = err
			return
		}
		if w.bias != nil {
			for t := range n {
				p.set.Add(dst[t*w.Rows+r0:t*w.Rows+r1], w.bias[r0:r1])
			}
		}
	})
}

func (p *pass) load(b *kernel.Batch, form kernel.Form, in []float32, n, cols int) {
	const tokensPerTask = 16
	b.Reset(form, n, cols)
	p.pool.Run((n+tokensPerTask-1)/tokensPerTask, func(_, task int) {
		t0 := task * tokensPerTask
		p.set.LoadRows(b, in, t0, min(t0+tokensPerTask, n))
	})
}

package infer

// layer runs layer i on the batch in buf.x. In the last layer everything after keys and values is done only for the
// rows whose logits are wanted, which then lie packed at the front of buf.x.
func (p *pass) layer(i int) {
	l, c := &p.m.layers[i], &p.m.Config
	n, wanted := p.n, p.wantedRows()
	packed := i == len(p.m.layers)-1 && p.o.Observe == nil && wanted < n && l.latent == nil
	p.packed = packed
	q := grow(&p.buf.q, n*c.Heads*c.HeadDim)
	k, v := grow(&p.buf.k, n*c.KVHeads*c.HeadDim), grow(&p.buf.v, n*c.KVHeads*c.HeadDim)
	norm := p.norm(l.attnNorm, n, l.attnReaders...)
	if l.latent != nil {
		p.latentQKV(l.latent, norm, n, q, k, v)
	} else if packed {
		p.linear(norm, n, product{dst: k, w: &l.k}, product{dst: v, w: &l.v})
	} else {
		p.linear(norm, n, product{dst: q, w: &l.q}, product{dst: k, w: &l.k}, product{dst: v, w: &l.v})
	}
	p.normRows(k, n, l.kRows)
	p.store(i, k, v)
	if packed {
		if n = wanted; n == 0 {
			return
		}
		p.keepWanted(norm, c.Width)
		p.keepWanted(p.buf.x, c.Width)
		p.load(norm, n, &l.q)
		p.linear(norm, n, product{dst: q, w: &l.q})
	}
	p.normRows(q, n, l.qRows)
	attn := grow(&p.buf.attn, n*c.Heads*c.HeadDim)
	p.attention(attn, q, i, packed)
	if l.latent != nil {
		attn = p.latentOut(l.latent, attn, n)
	}
	p.load(attn, n, &l.o)
	p.residual(attn, n, &l.o, l.attnPost)

	if c.Parallel {
		p.settle(n)
		p.load(norm, n, l.readers...)
	} else {
		norm = p.norm(l.ffnNorm, n, l.readers...)
	}
	if l.experts != nil {
		p.mixture(l.experts, norm, n)
		p.branch.after = l.ffnPost
		return
	}
	p.residual(p.dense(&l.feedForward, norm, n), n, &l.down, l.ffnPost)
}

func (p *pass) wantedRows() int {
	n := 0
	for _, s := range p.spans {
		n += s.wanted
	}
	return n
}

// residual computes W·in for n rows; the next norm adds the norm of it to buf.x.
func (p *pass) residual(in []float32, n int, w *Linear, after norm) {
	p.branch = branch{rows: grow(&p.buf.branch, n*w.Rows), bias: w.bias, after: after}
	p.products = p.products[:0]
	p.add(in, n, product{dst: p.branch.rows, w: w})
	p.multiplyAll(n)
}

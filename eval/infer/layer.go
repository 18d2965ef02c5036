package infer

// layer runs layer i on the batch in buf.x. In the last layer everything after keys and values is done only for the
// rows whose logits are wanted, which then lie packed at the front of buf.x.
func (p *pass) layer(i int) {
	l, c := &p.m.layers[i], &p.m.Config
	n, wanted := p.n, p.wantedRows()
	packed := i == len(p.m.layers)-1 && p.o.Observe == nil && wanted < n
	q := grow(&p.buf.q, n*c.Heads*c.HeadDim)
	k, v := grow(&p.buf.k, n*c.KVHeads*c.HeadDim), grow(&p.buf.v, n*c.KVHeads*c.HeadDim)
	norm := p.norm(l.attnNorm, n, &l.q, &l.k, &l.v)
	if packed {
		p.linear(norm, n, product{k, &l.k}, product{v, &l.v})
	} else {
		p.linear(norm, n, product{q, &l.q}, product{k, &l.k}, product{v, &l.v})
	}
	p.store(i, k, v)
	if packed {
		if n = wanted; n == 0 {
			return
		}
		p.keepWanted(norm, c.Width)
		p.keepWanted(p.buf.x, c.Width)
		p.load(norm, n, &l.q)
		p.linear(norm, n, product{q, &l.q})
	}
	attn := grow(&p.buf.attn, n*c.Heads*c.HeadDim)
	p.attention(attn, q, i, packed)
	p.load(attn, n, &l.o)
	p.residual(attn, n, &l.o)

	norm = p.norm(l.ffnNorm, n, &l.gate, &l.up)
	gate, up := grow(&p.buf.gate, n*c.FFN), grow(&p.buf.up, n*c.FFN)
	p.linear(norm, n, product{gate, &l.gate}, product{up, &l.up})
	p.gated(gate, up, n, &l.down)
	p.residual(gate, n, &l.down)
}

func (p *pass) wantedRows() int {
	n := 0
	for _, s := range p.spans {
		n += s.wanted
	}
	return n
}

// residual computes W·in for n rows; the next norm adds it to buf.x.
func (p *pass) residual(in []float32, n int, w *Linear) {
	p.branch = grow(&p.buf.branch, n*w.Rows)
	p.linear(in, n, product{p.branch, w})
}

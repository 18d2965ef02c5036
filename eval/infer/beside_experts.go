package infer

// besideExperts is a feed-forward layer and experts, whose outputs are added. Both read the residual stream through
// norms of their own, and have one behind them.
type besideExperts struct {
	feed    *feedForward
	experts *experts
	of      [2]branch // the norms before and behind feed and experts
}

func (l *loader) besideExperts(i int, blk func(string) string) *besideExperts {
	c := l.c.Config.OfLayer(i)
	f := l.feedForward(blk, "", c.FFN)
	b := &besideExperts{feed: &f, experts: l.experts(blk)}
	b.of[0] = branch{norm: l.norm(blk("ffn_norm"), c.Width), after: l.norm(blk("post_ffw_norm_1"), c.Width)}
	b.of[1] = branch{norm: l.norm(blk("pre_ffw_norm_2"), c.Width), after: l.norm(blk("post_ffw_norm_2"), c.Width)}
	return b
}

func (b *besideExperts) matrices() []*Linear {
	return append(b.feed.matrices(), b.experts.matrices()...)
}

func (b *besideExperts) mix(p *pass) {
	outer := p.branch
	p.branch = &b.of[0]
	b.feed.mix(p)
	n, width := p.rows, p.m.Config.Width
	fed := grow(&p.buf.kept, n*width)
	p.prepare(preparation{by: (*fedRows)(b), rows: fed, n: n, width: width, with: p.residual.rows})
	p.residual = residual{}
	p.branch = &b.of[1]
	b.experts.mix(p)
	p.prepare(preparation{by: b, rows: p.residual.rows, n: n, width: width, with: fed})
	p.branch = outer
}

type fedRows besideExperts

// makeRow is the norm of the feed-forward layer's output.
func (b *fedRows) makeRow(p *pass, row []float32, t int) {
	from := p.prep.with[t*len(row):][:len(row)]
	p.addBias(from, b.feed.down.bias)
	p.normalize(row, from, b.of[0].after)
}

// makeRow adds it to the norm of the experts' output.
func (b *besideExperts) makeRow(p *pass, row []float32, t int) {
	p.normalize(row, row, b.of[1].after)
	p.set.Add(row, p.prep.with[t*len(row):][:len(row)])
}

package infer

// laurel adds the norm of its branch and a product of low rank with it (LAuReL, arXiv 2411.07501):
//
//	n + norm(right·left·n)
type laurel struct {
	left, right Linear
	norm        norm
}

// laurel binds it; nil when the model has none.
func (l *loader) laurel(blk func(string) string) *laurel {
	c := &l.c.Config
	if c.Laurel == 0 {
		return nil
	}
	return &laurel{
		left:  l.linear(blk("laurel_l.weight"), c.Width, c.Laurel),
		right: l.linear(blk("laurel_r.weight"), c.Laurel, c.Width),
		norm:  l.norm(blk("laurel_post_norm"), c.Width),
	}
}

func (a *laurel) matrices() []*Linear { return []*Linear{&a.left, &a.right} }

func (a *laurel) mix(p *pass) {
	in, n := p.input(&a.left), p.rows
	rows := grow(&p.buf.gate, n*a.left.Rows)
	p.multiply(in, n, product{dst: rows, w: &a.left})
	p.prepareRows(rows, n, &a.right)
	p.project(rows, &a.right)
	p.prepare(preparation{by: a, rows: p.residual.rows, n: n, width: a.right.Rows, with: in})
}

func (a *laurel) makeRow(p *pass, row []float32, t int) {
	p.normalize(row, row, a.norm)
	p.set.Add(row, p.prep.with[t*len(row):][:len(row)])
}

package infer

import "bitmill/eval/kernel"

// preparation is how rows become the input of the next products: a few tokens at a time, so that they are computed and
// quantized while they lie in the processor's cache.
type preparation struct {
	kind  rowKind
	by    rowMaker // nil: as kind says
	n     int
	width int
	rows  []float32 // [n][width]
	with  []float32 // [n][width]: the residual stream of a norm; or see the rowMaker
	add   residual  // added to the residual stream first
	norm  norm
	bias  []float32
	forms [formCount]bool // how the products want it

	grouped bool // rows are sorted by matrix of a stack (routed), and each has its own batch
}

type rowKind uint8

const (
	asIs   rowKind = iota // rows are there
	normed                // rows = norm(with += add); without rows just the sum
	biased                // rows += bias
	scaled                // rows = soft cap of rows * scale: logits
)

// rowMaker makes row t of a preparation where a mixer does so in its own way.
type rowMaker interface {
	makeRow(p *pass, row []float32, t int)
}

// tokensPerTask is how many rows one task prepares, a multiple of kernel.BlockTokens.
const tokensPerTask = 16

// prepareRows takes n rows as they are.
func (p *pass) prepareRows(rows []float32, n int, to ...*Linear) {
	p.prepare(preparation{rows: rows, n: n}, to...)
}

// prepareNorm adds the residual to the rows under way of buf.x and sets buf.norm to their norm.
func (p *pass) prepareNorm(by norm, to ...*Linear) {
	rows, width := grow(&p.buf.norm, p.rows*p.m.Config.Width), p.m.Config.Width
	p.prepare(preparation{kind: normed, rows: rows, n: p.rows, width: width, with: p.buf.x, add: p.residual, norm: by}, to...)
	p.residual = residual{}
}

// addResidual adds the residual to the rows under way of buf.x.
func (p *pass) addResidual() {
	p.prepare(preparation{kind: normed, n: p.rows, width: p.m.Config.Width, with: p.buf.x, add: p.residual})
	p.residual = residual{}
}

// normRows normalizes n rows in place.
func (p *pass) normRows(rows []float32, n int, by norm, to ...*Linear) {
	if by.gain != nil {
		p.prepare(preparation{kind: normed, rows: rows, n: n, width: len(by.gain), with: rows, norm: by}, to...)
	}
}

func (p *pass) prepare(in preparation, to ...*Linear) {
	for _, w := range to {
		if w.Rows == 0 || in.forms[w.form] {
			continue
		}
		in.forms[w.form], in.width = true, w.Cols
		if !in.grouped {
			p.fail(p.forms[w.form].Reset(w.form, in.n, in.width))
			continue
		}
		for e := range len(p.routed.starts) - 1 {
			if n := p.routed.starts[e+1] - p.routed.starts[e]; n > 0 {
				p.fail(p.routed.forms[e][w.form].Reset(w.form, n, in.width))
			}
		}
	}
	p.prep = in
	p.run((in.n+tokensPerTask-1)/tokensPerTask, (*prepareStep)(p))
}

type prepareStep pass

func (*prepareStep) task(p *pass, _, task int) {
	end := min((task+1)*tokensPerTask, p.prep.n)
	for t, next := task*tokensPerTask, 0; t < end; t = next {
		next = min(t+kernel.BlockTokens, end)
		for i := t; i < next; i++ {
			p.prepareRow(i)
		}
		for form := range p.prep.forms {
			if p.prep.forms[form] {
				p.loadRows(form, t, next)
			}
		}
	}
}

func (p *pass) prepareRow(t int) {
	in, w, c := &p.prep, p.prep.width, &p.m.Config
	var row []float32
	if in.rows != nil {
		row = in.rows[t*w : (t+1)*w]
	}
	switch {
	case in.by != nil:
		in.by.makeRow(p, row, t)
	case in.kind == normed:
		x := in.with[t*w : (t+1)*w]
		if in.add.rows != nil {
			p.addResidualRow(x, in.add.rows[t*w:(t+1)*w])
		}
		if row != nil {
			p.normalize(row, x, in.norm)
		}
	case in.kind == biased:
		p.set.Add(row, in.bias)
	case in.kind == scaled:
		if c.Scale.Logit != 0 {
			p.set.Scale(row, float32(c.Scale.Logit))
		}
		if c.Cap.Logit != 0 {
			p.set.SoftCap(row, float32(c.Cap.Logit))
		}
	}
	if p.m.bf16Inputs && in.forms != [formCount]bool{} {
		p.set.RoundBF16(row)
	}
}

// loadRows puts rows [t0, t1) into their batches.
func (p *pass) loadRows(form, t0, t1 int) {
	in, r := &p.prep, &p.routed
	if !in.grouped {
		p.fail(p.set.LoadRows(&p.forms[form], in.rows, t0, t1))
		return
	}
	for t := t0; t < t1; {
		e := r.expert[t]
		first, next := r.starts[e], min(t1, r.starts[e+1])
		p.fail(p.set.LoadRows(&r.forms[e][form], in.rows[first*in.width:], t-first, next-first))
		t = next
	}
}

// addResidualRow adds a row of the residual under way to the residual stream's.
func (p *pass) addResidualRow(x, row []float32) {
	p.addBias(row, p.prep.add.bias)
	b := p.prep.add.branch
	if b.after.gain != nil {
		p.normalize(row, row, b.after)
	}
	if b.scale != 0 {
		p.set.AddScaled(x, row, b.scale)
	} else {
		p.set.Add(x, row)
	}
}

func (p *pass) addBias(row, bias []float32) {
	if bias != nil {
		p.set.Add(row, bias)
	}
}

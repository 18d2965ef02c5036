package infer

import (
	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/arch"
)

// preparation makes rows into the input of the next products, a few tokens at a time: they are computed and quantized
// while they are in the processor's cache.
//
//	by:    rows = what by makes of them
//	with:  rows = norm(with += add); without rows just the sum
//	else:  rows += bias
type preparation struct {
	by         rowMaker
	n, width   int
	rows, with []float32 // [n][width], though a rowMaker's with may have any shape
	add        residual
	norm       norm
	bias       []float32
	forms      [formCount]bool // the forms that the products want
	grouped    bool            // rows are sorted by matrix of a stack (see routed), and each matrix has its own input
}

// rowMaker computes row t of a preparation in place.
type rowMaker interface {
	makeRow(p *pass, row []float32, t int)
}

// tokensPerTask is how many rows one task prepares, a multiple of kernel.BlockTokens.
const tokensPerTask = 16

// prepareRows prepares n rows as they are.
func (p *pass) prepareRows(rows []float32, n int, to ...*Linear) {
	p.prepare(preparation{rows: rows, n: n}, to...)
}

// prepareNorm adds the residual to buf.x and sets buf.norm to the norm of the sum.
func (p *pass) prepareNorm(by norm, to ...*Linear) {
	rows, width := grow(&p.buf.norm, p.rows*p.m.Config.Width), p.m.Config.Width
	p.prepare(preparation{rows: rows, n: p.rows, width: width, with: p.buf.x, add: p.residual, norm: by}, to...)
	p.residual = residual{}
}

// addResidual adds the residual to buf.x.
func (p *pass) addResidual() {
	p.prepare(preparation{n: p.rows, width: p.m.Config.Width, with: p.buf.x, add: p.residual})
	p.residual = residual{}
}

// normRows normalizes n rows in place.
func (p *pass) normRows(rows []float32, n int, by norm, to ...*Linear) {
	if by.gain != nil {
		p.prepare(preparation{rows: rows, n: n, width: len(by.gain), with: rows, norm: by}, to...)
	}
}

// prepare computes rows and puts them into the form that each of the matrices multiplies.
func (p *pass) prepare(in preparation, to ...*Linear) {
	for _, w := range to {
		form := p.m.formOf(w)
		if w.Rows == 0 || in.forms[form] {
			continue
		}
		in.forms[form], in.width = true, w.Cols
		if !in.grouped {
			p.fail(p.forms[form].Reset(form, in.n, in.width))
			continue
		}
		for e := range len(p.routed.starts) - 1 {
			if n := p.routed.starts[e+1] - p.routed.starts[e]; n > 0 {
				p.fail(p.routed.forms[e][form].Reset(form, n, in.width))
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
	in, w := &p.prep, p.prep.width
	var row []float32
	if in.rows != nil {
		row = in.rows[t*w : (t+1)*w]
	}
	switch {
	case in.by != nil:
		in.by.makeRow(p, row, t)
	case in.with != nil:
		x := in.with[t*w : (t+1)*w]
		if in.add.rows != nil {
			p.addResidualRow(x, in.add.rows[t*w:(t+1)*w])
		}
		if row != nil {
			p.normalize(row, x, in.norm)
		}
	default:
		p.addBias(row, in.bias)
	}
	if p.m.bf16Inputs && in.forms != [formCount]bool{} {
		p.set.RoundBF16(row)
	}
}

// loadRows puts rows [t0, t1) into the input of their products.
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

// addResidualRow adds a row of the preparation's residual to row x of the residual stream.
func (p *pass) addResidualRow(x, row []float32) {
	b := p.prep.add.branch
	p.addBias(row, p.prep.add.bias)
	if b.after.gain != nil {
		p.normalize(row, row, b.after)
	}
	if b.scale != 0 {
		p.set.AddScaled(x, row, b.scale)
	} else {
		p.set.Add(x, row)
	}
	if b.out != 0 {
		p.set.Scale(x, b.out)
	}
}

func (p *pass) addBias(row, bias []float32) {
	if bias != nil {
		p.set.Add(row, bias)
	}
}

// norm is the norm of a whole row, or of each part of it (heads) with its own gains.
type norm struct {
	gain, bias []float32 // of a whole row; without a gain rows stay as they are
	part       int       // length of a part; 0: the whole row
}

// normalize sets dst, which may be x, to the norm of x.
func (p *pass) normalize(dst, x []float32, n norm) {
	c := &p.m.Config
	switch {
	case n.gain == nil:
		copy(dst, x)
	case n.part > 0:
		for at := 0; at < len(x); at += n.part {
			end := at + n.part
			p.normalize(dst[at:end], x[at:end], norm{gain: n.gain[at:end]})
		}
	case c.Norm == arch.LayerNorm:
		p.set.LayerNorm(dst, x, n.gain, n.bias, c.NormEps)
	default:
		p.set.RMSNorm(dst, x, n.gain, c.NormEps)
	}
}

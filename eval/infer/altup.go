package infer

import (
	"math"

	"bitmill/formats/checkpoint/arch"
)

// altUp is a residual stream of several streams x_a, one of which, the active one, runs through a layer's other
// branches (arXiv 2301.13310). It stands in pass.buf.x, and all of them in pass.streams, [rows][streams][width].
//
//	m = tanh(router·norm(active) / width)
type altUp struct {
	arch.AltUp
	router, coefs Linear // coefs makes coefficients of m
}

// altUp binds the router and a matrix of coefficients of a layer, and gives the norm before the router.
func (l *loader) altUp(blk func(string) string, coefs string, rows int) (altUp, norm) {
	c := &l.c.Config
	by := l.norm(blk("altup_router_norm"), c.Width)
	for i := range by.gain {
		by.gain[i] /= float32(c.Width)
	}
	return altUp{
		AltUp:  c.AltUp,
		router: l.linear(blk("altup_router.weight"), c.Width, c.AltUp.Streams),
		coefs:  l.linear(blk(coefs), c.AltUp.Streams, rows),
	}, by
}

func (a *altUp) matrices() []*Linear { return []*Linear{&a.router, &a.coefs} }

// coefficients computes them for the rows of buf.x, to which it adds the residual.
func (a *altUp) coefficients(p *pass) {
	in, n := p.input(&a.router), p.rows
	m := grow(&p.buf.gate, n*a.router.Rows)
	p.multiply(in, n, product{dst: m, w: &a.router})
	p.prepare(preparation{by: tanhRows{}, rows: m, n: n}, &a.coefs)
	p.multiply(m, n, product{dst: grow(&p.buf.up, n*a.coefs.Rows), w: &a.coefs})
}

type tanhRows struct{}

func (tanhRows) makeRow(p *pass, row []float32, _ int) { p.set.SoftCap(row, 1) }

// prediction replaces the streams: x_a += Σ_b coef_ab * x_b.
type prediction struct{ altUp }

func (a *prediction) mix(p *pass) {
	a.coefficients(p)
	p.run((p.rows+tokensPerTask-1)/tokensPerTask, a)
}

func (a *prediction) task(p *pass, worker, task int) {
	n := a.Streams
	for t := task * tokensPerTask; t < min((task+1)*tokensPerTask, p.rows); t++ {
		all, old := p.streams.row(t), grow(&p.workers[worker].row, p.streams.width)
		coefs, width := p.buf.up[t*n*n:], p.streams.width/n
		copy(old, all)
		for to := range n {
			for from := range n {
				p.set.AddScaled(all[to*width:][:width], old[from*width:][:width], coefs[to*n+from])
			}
		}
		copy(p.buf.x[t*width:], all[a.Active*width:][:width])
	}
}

// correction corrects the streams by what the layer has made of the active one: x_a += (1+coef_a) * (made - active).
type correction struct{ altUp }

func (a *correction) mix(p *pass) {
	a.coefficients(p)
	p.prepare(preparation{by: a, rows: p.buf.x, n: p.rows, width: p.streams.width / a.Streams})
}

func (a *correction) makeRow(p *pass, x []float32, t int) {
	all, width := p.streams.row(t), len(x)
	active := all[a.Active*width:][:width]
	p.set.AddScaled(x, active, -1)
	for i := range a.Streams {
		p.set.AddScaled(all[i*width:][:width], x, 1+p.buf.up[t*a.Streams+i])
	}
	copy(x, active)
}

// spread adds the residual of the branch before it to all streams but the first.
type spread struct{ active int }

func (s *spread) matrices() []*Linear { return nil }

func (s *spread) mix(p *pass) {
	p.prepare(preparation{by: s, rows: p.buf.x, n: p.rows, width: p.m.Config.Width, add: p.residual})
	p.residual = residual{}
}

func (s *spread) makeRow(p *pass, x []float32, t int) {
	add, all, width := &p.prep.add, p.streams.row(t), len(x)
	row := add.rows[t*width:][:width]
	p.addBias(row, add.bias)
	p.normalize(row, row, add.branch.after)
	for at := width; at < len(all); at += width {
		p.set.Add(all[at:at+width], row)
	}
	copy(x, all[s.active*width:])
}

// expansion makes the streams of the embedding: products of it, as large as itself.
type expansion struct {
	list   []Linear // of the streams behind the first
	active int
}

// streamMatrices binds a stack of matrices for the streams behind the first.
func (l *loader) streamMatrices(name string) []Linear {
	c := &l.c.Config
	list := make([]Linear, c.AltUp.Streams-1)
	for i := range list {
		list[i] = l.stacked(name, c.Width, c.Width, i, len(list))
	}
	return list
}

func pointers(list []Linear) []*Linear {
	all := make([]*Linear, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

func (e *expansion) matrices() []*Linear { return pointers(e.list) }

func (e *expansion) mix(p *pass) {
	in, n, width := p.input(&e.list[0]), p.rows, p.m.Config.Width
	all := (len(e.list) + 1) * width
	p.streams = table{grow(&p.buf.streams, n*all), all}
	for i := range e.list {
		p.queue(in, n, product{dst: p.streams.values[(i+1)*width:], w: &e.list[i], stride: all})
	}
	p.multiplyAll(n)
	p.prepare(preparation{by: e, rows: p.buf.x, n: n, width: width})
}

func (e *expansion) makeRow(p *pass, x []float32, t int) {
	all, size := p.streams.row(t), meanSquare(x)
	copy(all, x)
	for at := len(x); at < len(all); at += len(x) {
		p.scaleTo(all[at:at+len(x)], size)
	}
	copy(x, all[e.active*len(x):])
}

// scaleTo gives x that mean square.
func (p *pass) scaleTo(x []float32, size float64) {
	p.set.Scale(x, float32(math.Sqrt(size/max(meanSquare(x), 1e-5))))
}

func meanSquare(x []float32) float64 {
	var sums [4]float64
	for i, v := range x {
		sums[i%4] += float64(v) * float64(v)
	}
	return (sums[0] + sums[1] + sums[2] + sums[3]) / float64(len(x))
}

// merging makes one stream of all: the mean of the first and of products of the others, as large as the first.
type merging struct {
	list []Linear
}

func (m *merging) matrices() []*Linear { return pointers(m.list) }

func (m *merging) mix(p *pass) {
	n, width := p.rows, p.m.Config.Width
	rows, made := grow(&p.buf.norm, n*width), grow(&p.buf.branch, n*width)
	p.prepare(preparation{by: streamRows(0), rows: p.buf.x, n: n, width: width})
	for i := range m.list {
		p.prepare(preparation{by: streamRows(i + 1), rows: rows, n: n}, &m.list[i])
		p.multiply(rows, n, product{dst: made, w: &m.list[i]})
		p.prepare(preparation{by: m, rows: p.buf.x, n: n, width: width, with: made})
	}
}

// makeRow adds a product to row t.
func (m *merging) makeRow(p *pass, x []float32, t int) {
	made := p.prep.with[t*len(x):][:len(x)]
	p.scaleTo(made, meanSquare(p.streams.row(t)[:len(x)]))
	p.set.AddScaled(x, made, 1/float32(len(m.list)+1))
}

// streamRows are the rows of one stream; of the first, their share in the mean.
type streamRows int

func (s streamRows) makeRow(p *pass, row []float32, t int) {
	copy(row, p.streams.row(t)[int(s)*len(row):])
	if s == 0 {
		p.set.Scale(row, float32(len(row))/float32(p.streams.width))
	}
}

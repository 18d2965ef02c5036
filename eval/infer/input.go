package infer

import (
	"math"

	"bitmill/formats/kernel"
)

// input is the making of the rows that the next products take: all of it is done a few tokens at a time, so that rows
// are computed and quantized while they lie in the cache.
type input struct {
	kind  inputKind
	n     int
	width int
	rows  []float32 // [n][width]
	with  []float32 // [n][width]: the residual stream of a norm, the up projection of a gate
	add   []float32 // [n][width]: added to the residual stream first, behind the norm after; may be nil
	after norm
	norm  norm
	parts rowNorm
	forms [formCount]bool // how the products want it

	experts *experts
	grouped bool // rows are sorted by matrix of a stack (routed), and each has its own batch
}

type inputKind uint8

const (
	asIs   inputKind = iota // rows are there
	added                   // with += add
	normed                  // rows = norm(with += add)
	parted                  // rows = norm of each part of rows
	gated                   // rows = act(rows) * with
	picked                  // rows = with of the token
	mixed                   // rows = weighted sum of the experts' outputs
	scaled                  // rows = soft cap of rows * scale: logits
)

// tokensPerTask is how many rows one task makes, a multiple of kernel.PanelTokens.
const tokensPerTask = 16

// load takes n rows as they are.
func (p *pass) load(rows []float32, n int, to ...*Linear) { p.make(input{rows: rows, n: n}, to...) }

// norm adds the branch under way to the first n rows of buf.x and returns their norm.
func (p *pass) norm(by norm, n int, to ...*Linear) []float32 {
	rows := grow(&p.buf.norm, n*p.m.Config.Width)
	p.make(input{kind: normed, rows: rows, n: n, with: p.buf.x, add: p.branch, after: p.after, norm: by}, to...)
	p.branch = nil
	return rows
}

// settle adds the branch under way to the first n rows of buf.x.
func (p *pass) settle(n int) {
	p.make(input{kind: added, n: n, width: p.m.Config.Width, with: p.buf.x, add: p.branch, after: p.after})
	p.branch = nil
}

// normRows normalizes queries or keys in parts.
func (p *pass) normRows(rows []float32, n int, by rowNorm) {
	if by.gain != nil {
		p.make(input{kind: parted, rows: rows, n: n, width: len(by.gain), parts: by})
	}
}

func (p *pass) make(in input, to ...*Linear) {
	if len(to) > 0 {
		in.width = to[0].Cols
	}
	for _, w := range to {
		if in.forms[w.form] {
			continue
		}
		in.forms[w.form] = true
		if !in.grouped {
			p.fail(0, p.forms[w.form].Reset(w.form, in.n, in.width))
			continue
		}
		for e := range len(p.routed.starts) - 1 {
			if n := p.routed.starts[e+1] - p.routed.starts[e]; n > 0 {
				p.fail(0, p.routed.forms[e][w.form].Reset(w.form, n, in.width))
			}
		}
	}
	p.in = in
	p.pool.Run((in.n+tokensPerTask-1)/tokensPerTask, p.tasks.input)
}

func (p *pass) makeRows(worker, task int) {
	end := min((task+1)*tokensPerTask, p.in.n)
	for t, next := task*tokensPerTask, 0; t < end; t = next {
		next = min(t+kernel.PanelTokens, end)
		for i := t; i < next; i++ {
			p.makeRow(worker, i)
		}
		for form := range p.in.forms {
			if p.in.forms[form] {
				p.loadRows(worker, form, t, next)
			}
		}
	}
}

func (p *pass) makeRow(worker, t int) {
	in, w, c := &p.in, p.in.width, &p.m.Config
	var row, with []float32
	if in.rows != nil {
		row = in.rows[t*w : (t+1)*w]
	}
	if in.with != nil && in.kind != picked {
		with = in.with[t*w : (t+1)*w]
	}
	if in.add != nil {
		p.addBranch(with, in.add[t*w:(t+1)*w], in.after)
	}
	switch in.kind {
	case normed:
		p.normalize(row, with, in.norm)
	case parted:
		for at := 0; at < w; at += in.parts.part {
			part := row[at : at+in.parts.part]
			p.normalize(part, part, norm{gain: in.parts.gain[at : at+in.parts.part]})
		}
	case gated:
		p.activate(worker, row, with)
	case picked:
		copy(row, in.with[int(p.routed.tokens[t])*w:][:w])
	case mixed:
		p.mix(row, in.experts, t)
	case scaled:
		if c.Scale.Logit != 0 {
			p.set.Scale(row, float32(c.Scale.Logit))
		}
		if c.Cap.Logit != 0 {
			p.softCap(worker, row, float32(c.Cap.Logit))
		}
	}
	if p.m.noisy && in.forms != [formCount]bool{} {
		roundBF16(row)
	}
}

// loadRows puts rows [t0, t1) into their batches.
func (p *pass) loadRows(worker, form, t0, t1 int) {
	if !p.in.grouped {
		p.fail(worker, p.set.LoadRows(&p.forms[form], p.in.rows, t0, t1))
		return
	}
	for t := t0; t < t1; t++ {
		e := p.routed.expert[t]
		first := p.routed.starts[e]
		p.fail(worker, p.set.LoadRows(&p.routed.forms[e][form], p.in.rows[first*p.in.width:], t-first, t-first+1))
	}
}

// addBranch adds a branch's row to the residual stream's.
func (p *pass) addBranch(x, branch []float32, after norm) {
	if after.gain != nil {
		p.normalize(branch, branch, after)
	}
	if s := p.m.Config.Scale.Residual; s != 0 {
		p.set.Scale(branch, float32(s))
	}
	p.set.Add(x, branch)
}

// product is one matrix product: dst = W·x + b, [tokens][w.Rows].
type product struct {
	dst []float32
	w   *Linear
	x   *kernel.Batch // nil: the rows made last
}

// How many weight rows one task of a matrix product covers: a multiple of every kernel's tile, small enough to balance
// the workers on a small matrix; for a single token more, as its tasks are short.
const (
	leastRows      = 32
	tasksPerWorker = 8
)

// linear multiplies the n rows made last, in, with several matrices at once.
func (p *pass) linear(in []float32, n int, list ...product) {
	for _, l := range list {
		p.observe(l.w, in[:n*l.w.Cols], n)
	}
	p.products = append(p.products[:0], list...)
	p.multiplyAll(n)
}

// observe shows a product's input; of a fused tensor once.
func (p *pass) observe(w *Linear, in []float32, n int) {
	if p.o.Observe != nil && !w.later {
		p.o.Observe(w, in, n)
	}
}

// multiplyAll runs the products for a batch of n tokens.
func (p *pass) multiplyAll(n int) {
	rows, tasks := 0, 0
	for _, l := range p.products {
		rows += l.w.Rows
	}
	p.taskRows = leastRows
	if n == 1 {
		p.taskRows = max(leastRows, rows/(tasksPerWorker*p.pool.Workers())&^(leastRows-1))
	}
	for _, l := range p.products {
		tasks += p.tasksOf(l)
	}
	p.pool.Run(tasks, p.tasks.product)
}

func (p *pass) tasksOf(l product) int { return (l.w.Rows + p.taskRows - 1) / p.taskRows }

func (p *pass) multiply(worker, task int) {
	for _, l := range p.products {
		if tasks := p.tasksOf(l); task >= tasks {
			task -= tasks
			continue
		}
		r0 := task * p.taskRows
		p.multiplyRows(worker, l, r0, min(r0+p.taskRows, l.w.Rows))
		return
	}
}

func (p *pass) multiplyRows(worker int, l product, r0, r1 int) {
	w, x := l.w, l.x
	if x == nil {
		x = &p.forms[w.form]
	}
	if err := p.set.MatMul(l.dst, w.Rows, w.Matrix, x, r0, r1, &p.workers[worker].scratch); err != nil {
		p.fail(worker, err)
		return
	}
	if w.bias == nil {
		return
	}
	for t := range x.Tokens() {
		p.set.Add(l.dst[t*w.Rows+r0:t*w.Rows+r1], w.bias[r0:r1])
	}
}

// fail keeps a worker's first error.
func (p *pass) fail(worker int, err error) {
	if w := &p.workers[worker]; w.err == nil {
		w.err = err
	}
}

// roundBF16 rounds finite values to bfloat16, nearest even.
func roundBF16(x []float32) {
	for i, v := range x {
		b := math.Float32bits(v)
		x[i] = math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
	}
}

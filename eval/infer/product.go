package infer

import (
	"cmp"
	"sort"

	"bitmill/eval/kernel"
)

// product is one matrix product: dst = W·x, [tokens][w.Rows].
type product struct {
	dst    []float32
	w      *Linear
	x      *kernel.Activations // nil: the rows prepared last
	stride int                 // between the rows of two tokens in dst; 0: w.Rows
	end    int                 // the tasks of this product and of those before it
}

// The weight rows of one task of a matrix product: a multiple of every kernel's tile, small enough to balance the
// workers on a small matrix. A single token takes more, as its tasks are short, and so do many tokens, as every task
// reads all of them.
const (
	leastRows      = 32
	tasksPerWorker = 8
	manyTokens     = 512
)

// multiply multiplies in, the n rows prepared last, by several matrices at once. Biases are added row by row behind it,
// as a task of the product has only a part of each row.
func (p *pass) multiply(in []float32, n int, list ...product) {
	for _, l := range list {
		p.queue(in, n, l)
	}
	p.multiplyAll(n)
	for _, l := range list {
		if l.w.bias != nil {
			p.prepare(preparation{rows: l.dst, n: n, width: l.w.Rows, bias: l.w.bias})
		}
	}
}

// queue adds a product with the n rows of in to those of the next multiplyAll; without weights there is none. The
// reader of dst adds the bias.
func (p *pass) queue(in []float32, n int, l product) {
	if l.w.Rows == 0 {
		return
	}
	p.observe(l.w, in[:n*l.w.Cols], n)
	p.products = append(p.products, l)
}

// observe shows a product's input, of a fused tensor once.
func (p *pass) observe(w *Linear, in []float32, n int) {
	if p.o.Observe != nil && !w.later {
		p.o.Observe(w, in, n)
	}
}

// multiplyAll runs the queued products, of n tokens each.
func (p *pass) multiplyAll(n int) {
	if p.o.Multiply != nil {
		p.o.Multiply()
	}
	rows, tasks := 0, 0
	for _, l := range p.products {
		rows += l.w.Rows
	}
	p.taskRows = leastRows
	if n == 1 || n >= manyTokens {
		p.taskRows = max(leastRows, rows/(tasksPerWorker*p.pool.Workers())&^(leastRows-1))
	}
	for i := range p.products {
		l := &p.products[i]
		tasks += (l.w.Rows + p.taskRows - 1) / p.taskRows
		l.end = tasks
	}
	p.run(tasks, (*multiplyStep)(p))
	p.products = p.products[:0]
}

type multiplyStep pass

func (*multiplyStep) task(p *pass, worker, task int) {
	i := sort.Search(len(p.products), func(i int) bool { return p.products[i].end > task }) // there may be many experts
	if i > 0 {
		task -= p.products[i-1].end
	}
	l := &p.products[i]
	x, stride := l.x, cmp.Or(l.stride, l.w.Rows)
	if x == nil {
		x = &p.forms[p.m.formOf(l.w)]
	}
	r0, r1 := task*p.taskRows, min((task+1)*p.taskRows, l.w.Rows)
	p.fail(p.set.MatMul(l.dst, stride, l.w.Matrix, x, r0, r1, &p.workers[worker].scratch))
	if l.w.scale != 0 {
		for t := range x.Tokens() {
			p.set.Scale(l.dst[t*stride+r0:t*stride+r1], l.w.scale)
		}
	}
	for _, f := range l.w.ranges {
		if from, to := max(r0, f.from), min(r1, f.to); from < to {
			for t := range x.Tokens() {
				p.set.Scale(l.dst[t*stride+from:t*stride+to], f.factor)
			}
		}
	}
}

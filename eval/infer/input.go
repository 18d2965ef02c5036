package infer

// input is the making of the rows that the next products take: all of it is done token by token, so that a row is
// computed and quantized while it lies in the first-level cache.
type input struct {
	kind  inputKind
	n     int
	width int
	rows  []float32 // [n][width]
	with  []float32 // [n][width]: the residual stream of a norm, the up projection of a gate
	add   []float32 // [n][width]: added to the residual stream first; may be nil
	gain  []float32
	forms [formCount]bool // how the products want it
}

type inputKind uint8

const (
	asIs   inputKind = iota // rows are there
	normed                  // rows = rmsnorm(with += add) * gain
	gated                   // rows = silu(rows) * with
)

// tokensPerTask is how many rows one task makes.
const tokensPerTask = 16

// load takes n rows as they are.
func (p *pass) load(rows []float32, n int, to ...*Linear) { p.make(input{rows: rows, n: n}, to) }

// norm adds the branch under way to the first n rows of buf.x and returns their RMS norm.
func (p *pass) norm(gain []float32, n int, to ...*Linear) []float32 {
	rows := grow(&p.buf.norm, n*p.m.Config.Width)
	p.make(input{kind: normed, rows: rows, n: n, with: p.buf.x, add: p.branch, gain: gain}, to)
	p.branch = nil
	return rows
}

// gated sets rows to silu(rows)*up.
func (p *pass) gated(rows, up []float32, n int, to ...*Linear) {
	p.make(input{kind: gated, rows: rows, n: n, with: up}, to)
}

func (p *pass) make(in input, to []*Linear) {
	in.width = to[0].Cols
	for _, w := range to {
		if !in.forms[w.form] {
			in.forms[w.form] = true
			p.fail(0, p.forms[w.form].Reset(w.form, in.n, in.width))
		}
	}
	p.in = in
	p.pool.Run((in.n+tokensPerTask-1)/tokensPerTask, p.tasks.input)
}

func (p *pass) makeRows(worker, task int) {
	in, w := &p.in, p.in.width
	for t := task * tokensPerTask; t < min((task+1)*tokensPerTask, in.n); t++ {
		row := in.rows[t*w : (t+1)*w]
		switch in.kind {
		case normed:
			x := in.with[t*w : (t+1)*w]
			if in.add != nil {
				p.set.Add(x, in.add[t*w:(t+1)*w])
			}
			p.set.RMSNorm(row, x, in.gain, p.m.Config.NormEps)
		case gated:
			p.set.SiLUMul(row, in.with[t*w:(t+1)*w])
		}
		for form := range in.forms {
			if in.forms[form] {
				p.fail(worker, p.set.LoadRows(&p.forms[form], in.rows, t, t+1))
			}
		}
	}
}

// product is one matrix product: dst = W·x + b, [tokens][w.Rows].
type product struct {
	dst []float32
	w   *Linear
}

// How many weight rows one task of a matrix product covers: a multiple of every kernel's tile, small enough to balance
// the workers on a small matrix; for a single token more, as its tasks are short.
const (
	leastRows      = 32
	tasksPerWorker = 8
)

// linear multiplies the n rows made last, in, with several matrices at once.
func (p *pass) linear(in []float32, n int, list ...product) {
	rows := 0
	for _, l := range list {
		if p.o.Observe != nil {
			p.o.Observe(l.w, in[:n*l.w.Cols], n)
		}
		rows += l.w.Rows
	}
	p.products, p.taskRows = append(p.products[:0], list...), leastRows
	if n == 1 {
		p.taskRows = max(leastRows, rows/(tasksPerWorker*p.pool.Workers())&^(leastRows-1))
	}
	tasks := 0
	for _, l := range list {
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
	w, x := l.w, &p.forms[l.w.form]
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

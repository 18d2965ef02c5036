package infer

// A prompt runs through a state space in chunks, as matrix products (arXiv 2405.21060, 6): with α[t] = exp(δ[t]a) and
// D[t,s] = δ[s] * α[s+1]⋯α[t] for s <= t, else 0,
//
//	y[t] = α[first]⋯α[t] * C[t]·S + Σ_s (C[t]·B[s])D[t,s] * v[s] + d*v[t]
//	S'   = α[first]⋯α[last] * S + Σ_s B[s]D[last,s] ⊗ v[s]
//
// D comes row by row from products of what lies between, so that nothing overflows and nothing cancels.
const (
	ssmRows = 64 // tokens of a chunk
	ssmFew  = 8  // sequences with fewer tokens run token by token
)

// negligible factors count as zero: products with them would be denormal numbers, which are slow.
const negligible = 1e-30

// ssmChunk is n tokens of a span, whose rows begin at row.
type ssmChunk struct{ span, row, n int }

// ssmTask runs heads [head, head+heads) of a span, whose chunks begin at chunk.
type ssmTask struct{ span, head, heads, chunk int }

// ssmScratch is a worker's memory; rows of a chunk are padded to whole panels.
type ssmScratch struct {
	keys    []float32 // [panels][State][16]: Bᵀ of a chunk
	delta   []float32 // δ of each token
	alpha   []float32 // α of each token, then products of them
	last    []float32 // the last row of D
	weights []float32 // [n][rows]: C·Bᵀ times D, then [State][rows]: Bᵀ times the last row of D
	values  []float32 // [ceil(HeadDim/16)][rows][16]: v
	y       []float32 // [n][wide]
}

// scan sets b.y to the outputs of the state space for the rows of b.u, and moves the states on.
func (m *mamba) scan(p *pass) {
	b := &p.ssm
	b.chunks, b.tasks = b.chunks[:0], b.tasks[:0]
	for i, s := range p.spans {
		first, some := len(b.chunks), 1
		if s.n < ssmFew {
			some = max(1, m.Heads*len(p.spans)/(tasksPerWorker*p.pool.Workers()))
		}
		for at := 0; s.n >= ssmFew && at < s.n; at += ssmRows {
			b.chunks = append(b.chunks, ssmChunk{i, s.start + at, min(ssmRows, s.n-at)})
		}
		for h := 0; h < m.Heads && s.n > 0; h += some {
			b.tasks = append(b.tasks, ssmTask{i, h, min(some, m.Heads-h), first})
		}
	}
	grow(&b.mixed, len(b.chunks)*m.Groups*ssmRows*ssmRows)
	grow(&b.turned, len(b.chunks)*m.Groups*ssmRows*m.State)
	p.run(len(b.chunks)*m.Groups, (*ssmGroupStep)(m))
	p.run(len(b.tasks), (*ssmHeadStep)(m))
}

// ssmGroupStep computes what the heads of a group share in a chunk.
type ssmGroupStep mamba

func (m *ssmGroupStep) task(p *pass, worker, task int) {
	b, s := &p.ssm, &p.workers[worker].ssm
	c, g := b.chunks[task/m.Groups], task%m.Groups
	width, rows := m.conv.width, wholePanels(c.n)
	from := b.u[c.row*width+m.Inner+g*m.State:]
	keys := grow(&s.keys, rows*m.State)
	clear(keys[c.n/panel*panel*m.State:]) // the rows behind the last token
	for r := 0; r < c.n; r += panel {
		p.set.PackPanel(keys[r*m.State:], from[r*width:], width, min(panel, c.n-r), m.State)
	}
	turned := b.turned[task*ssmRows*m.State:]
	for r := 0; r < rows; r += panel {
		for i := range m.State {
			*(*[panel]float32)(turned[i*rows+r:]) = [panel]float32(keys[r*m.State+i*panel:])
		}
	}
	queries, mixed := from[m.Groups*m.State:], b.mixed[task*ssmRows*ssmRows:]
	for r := 0; r < c.n; r += panel { // what comes before its key is not read
		p.set.GemmPanels(mixed[r*rows+r:], rows, queries[r*width:], width, keys[r*m.State:], panel*m.State,
			c.n-r, panel, m.State, false)
	}
}

// ssmHeadStep runs heads.
type ssmHeadStep mamba

func (m *ssmHeadStep) task(p *pass, worker, task int) {
	t := p.ssm.tasks[task]
	span, state := p.spans[t.span], p.states[t.span].(*ssmState)
	size := m.State * wholePanels(m.HeadDim())
	for h := t.head; h < t.head+t.heads; h++ {
		at, s := state.heads[h*size:][:size], &p.workers[worker].ssm
		if span.n < ssmFew {
			m.steps(p, s, at, h, span)
			continue
		}
		for c := t.chunk; c < len(p.ssm.chunks) && p.ssm.chunks[c].span == t.span; c++ {
			m.chunk(p, s, at, h, c)
		}
	}
}

// rates sets δ and α of n tokens from a row on.
func (m *ssmHeadStep) rates(p *pass, s *ssmScratch, head, row, n int) (delta, alpha []float32) {
	all := wholePanels(n) // of which no function has a remainder
	delta, alpha = grow(&s.delta, all), grow(&s.alpha, all)
	from := p.ssm.in[row*p.ssm.width+m.Inner+m.conv.width+head:]
	for t := range n {
		delta[t] = from[t*p.ssm.width] + m.dtBias[head]
	}
	clear(delta[n:])
	p.set.Softplus(delta)
	for t, d := range delta {
		alpha[t] = d * m.a[head]
	}
	p.set.Exp(alpha)
	return delta[:n], alpha[:n]
}

// steps runs a head token by token.
func (m *ssmHeadStep) steps(p *pass, s *ssmScratch, state []float32, head int, span span) {
	dims, b := m.HeadDim(), &p.ssm
	delta, alpha := m.rates(p, s, head, span.start, span.n)
	wide := wholePanels(dims)
	v, y := grow(&s.values, wide), grow(&s.y, wide)
	for t := range span.n {
		u := b.u[(span.start+t)*m.conv.width:][:m.conv.width]
		out := b.y[(span.start+t)*m.Inner+head*dims:][:dims]
		keys := u[m.Inner+head*m.Groups/m.Heads*m.State:]
		copy(v, u[head*dims:][:dims])
		p.set.StepState(state, y, v, keys[:m.State], keys[m.Groups*m.State:][:m.State], alpha[t], delta[t], m.d[head])
		copy(out, y)
	}
}

// chunk runs a head through a chunk.
func (m *ssmHeadStep) chunk(p *pass, s *ssmScratch, state []float32, head, chunk int) {
	b, c := &p.ssm, p.ssm.chunks[chunk]
	dims, width, rows := m.HeadDim(), m.conv.width, wholePanels(c.n)
	wide, group := wholePanels(dims), head*m.Groups/m.Heads
	shared := chunk*m.Groups + group
	delta, alpha := m.rates(p, s, head, c.row, c.n)

	weights, last := grow(&s.weights, (c.n+m.State)*rows), grow(&s.last, rows)
	clear(last)
	for r := 0; r < c.n; r += panel {
		p.set.DecayRows(weights[r*rows+r:], b.mixed[shared*ssmRows*ssmRows+r*rows+r:], rows, alpha[r:], delta[r:], last[r:])
	}
	into := weights[c.n*rows:]
	p.set.MulRows(into, b.turned[shared*ssmRows*m.State:], last, m.State)

	u := b.u[c.row*width:]
	values := grow(&s.values, rows*wide)
	m.pack(values, u[head*dims:], c.n, rows)
	y := grow(&s.y, c.n*wide)
	p.set.GemmPanels(y, wide, u[m.Inner+(m.Groups+group)*m.State:], width, state, panel*m.State, c.n, wide, m.State, false)
	product := float32(1)
	for t, a := range alpha {
		if product *= a; product < negligible {
			product = 0
		}
		row := y[t*wide:][:wide]
		p.set.Scale(row, product)
		p.set.AddScaled(row[:dims], u[t*width+head*dims:], m.d[head])
	}
	for r := 0; r < c.n; r += panel {
		p.set.GemmPanels(y[r*wide:], wide, weights[r*rows:], rows, values, rows*panel, min(panel, c.n-r), wide,
			min(r+panel, rows), true)
	}
	p.set.Scale(state, product)
	for at := 0; at < wide; at += panel {
		p.set.GemmPanels(state[at*m.State:], panel, into, rows, values[at*rows:], rows*panel, m.State, panel, rows, true)
	}
	for t := range c.n {
		copy(b.y[(c.row+t)*m.Inner+head*dims:][:dims], y[t*wide:])
	}
}

// pack cuts the values of a chunk into panels, zeros behind them.
func (m *ssmHeadStep) pack(values, from []float32, n, rows int) {
	dims, width := m.HeadDim(), m.conv.width
	for d := 0; d < dims; d += panel {
		to, whole := values[d*rows:][:rows*panel], d+panel <= dims
		for t := range n {
			if row := from[t*width+d:]; whole {
				*(*[panel]float32)(to[t*panel:]) = [panel]float32(row)
			} else {
				clear(to[t*panel:][:panel])
				copy(to[t*panel:], row[:dims-d])
			}
		}
		clear(to[n*panel:])
	}
}

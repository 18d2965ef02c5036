package infer

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"sync"

	"bitmill/formats/block"
	"bitmill/formats/checkpoint/arch"
)

// span is a sequence's place in a pass: tokens [start, start+n) of the batch, positions [past, past+n) of the sequence.
type span struct {
	start, n, past int
	cache          *Cache
	wanted         int // rows of logits: those of the last tokens
	context        int // positions that the sequence may grow to
}

// pass is the current forward pass: a series of steps, each of which the pool runs as tasks. The tasks' arguments are
// fields, so that starting a step allocates nothing.
type pass struct {
	*Runner
	m      *Model
	tokens []int32 // of all sequences
	spans  []span
	n      int // tokens
	wanted int // rows of logits

	rows    int  // current rows, at the front of buf.x: n, or after narrow only those wanted
	narrows bool // a mixer may narrow
	loop    int  // the current run over all layers

	inputs   table    // of all layers: see layerInputs
	streams  table    // of each row, beside buf.x: see altUp
	angles   []angles // of Model.rope
	branch   *branch  // the current one
	residual residual // what the next preparation adds to buf.x
	prep     preparation
	products []product
	taskRows int     // weight rows of a product that one task multiplies
	states   []state // of the current mixer, for each span
	step     step
	runTask  func(worker, task int) // runs a task of the step; a field, as a closure allocates

	attn   attnArgs
	delta  deltaBuffers
	routed routed
	mla    mlaBuffers
	ssm    ssmBuffers
	heads  headRows

	mu  sync.Mutex
	err error // the first of a task
}

// step is work for the pool, cut into numbered tasks.
type step interface {
	task(p *pass, worker, task int)
}

func (p *pass) run(tasks int, s step) {
	p.step = s
	p.pool.Run(tasks, p.runTask)
}

// begin checks the sequences and lays them out.
func (p *pass) begin(m *Model, seqs []Sequence) error {
	p.m, p.tokens, p.spans, p.n, p.wanted, p.residual = m, p.tokens[:0], p.spans[:0], 0, 0, residual{}
	p.narrows, p.loop, p.err, p.products = false, 0, nil, p.products[:0]
	p.inputs, p.streams = table{}, table{}
	last := 0
	for i, s := range seqs {
		if err := m.check(seqs, i); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
		n := len(s.Tokens)
		sp := span{start: p.n, n: n, context: n, cache: s.Cache, wanted: max(0, n-s.LogitsFrom)}
		if s.Cache != nil {
			sp.past, sp.context = s.Cache.length, s.Cache.capacity
		}
		p.tokens = append(p.tokens, s.Tokens...)
		p.n += n
		p.wanted += sp.wanted
		last = max(last, sp.past+n)
		p.spans = append(p.spans, sp)
	}
	p.rows = p.n
	p.angles = p.angles[:0]
	for _, r := range m.rope {
		p.angles = append(p.angles, r.upTo(last))
	}
	return nil
}

// check verifies that sequence i can run: its tokens and rows of logits exist, and its cache belongs to this model and
// to no other sequence, and is large enough.
func (m *Model) check(seqs []Sequence, i int) error {
	s := seqs[i]
	for _, t := range s.Tokens {
		if t < 0 || int(t) >= m.embedding.Rows {
			return fmt.Errorf("token %d is outside the vocabulary of %d", t, m.embedding.Rows)
		}
	}
	n := len(s.Tokens)
	if s.Cache != nil {
		n += s.Cache.length
	}
	switch c := s.Cache; {
	case m.positions != nil && n > m.Config.Positions:
		return fmt.Errorf("it has %d positions, and the model only learned %d", n, m.Config.Positions)
	case s.LogitsFrom < 0:
		return fmt.Errorf("logits are wanted from token %d on", s.LogitsFrom)
	case c == nil:
		return nil
	case c.model != m:
		return fmt.Errorf("its cache was made for another model")
	case slices.ContainsFunc(seqs[:i], func(o Sequence) bool { return o.Cache == c }):
		return fmt.Errorf("another sequence has the same cache")
	case c.length+len(s.Tokens) > c.capacity:
		return fmt.Errorf("it needs %d positions, its cache has %d", c.length+len(s.Tokens), c.capacity)
	}
	return nil
}

// fail keeps the first error of a task.
func (p *pass) fail(err error) {
	if err != nil {
		p.mu.Lock()
		p.err = cmp.Or(p.err, err)
		p.mu.Unlock()
	}
}

// embed looks up the tokens' rows of the embedding matrix.
func (p *pass) embed() {
	width := p.m.Config.Width
	p.prepare(preparation{by: (*embedding)(p.m), rows: grow(&p.buf.x, p.n*width), n: p.n, width: width})
}

type embedding Model

func (m *embedding) makeRow(p *pass, x []float32, t int) {
	e, id := &m.embedding, int(p.tokens[t])
	size := len(e.Data) / e.Rows
	if err := block.Decode(e.Type, x, e.Data[id*size:(id+1)*size]); err != nil {
		p.fail(fmt.Errorf("token_embd.weight row %d: %w", id, err))
	}
	if s := m.Config.Scale.Embedding; s != 0 {
		p.set.Scale(x, float32(s))
	}
	if m.positions != nil {
		p.set.Add(x, m.positions[p.position(t)*len(x):])
	}
}

// position is the place of token t of the batch in its sequence.
func (p *pass) position(t int) int {
	i := sort.Search(len(p.spans), func(i int) bool { return p.spans[i].start+p.spans[i].n > t })
	return p.spans[i].past + t - p.spans[i].start
}

// final returns the states behind the last norm of the wanted rows, [wanted][Width], and prepares them for products.
func (p *pass) final(to ...*Linear) []float32 {
	if p.rows > p.wanted {
		p.narrow(nil, 0)
	}
	p.prepareNorm(p.m.outputNorm, to...)
	return p.buf.norm
}

// head computes the logits of n rows of final states, which are prepared.
func (p *pass) head(logits, states []float32, n int) {
	out := &p.m.output
	p.multiply(states, n, product{dst: logits, w: out})
	if c := &p.m.Config; c.Scale.Logit != 0 || c.Cap.Logit != 0 {
		p.prepare(preparation{by: (*logitRows)(c), rows: logits, n: n, width: out.Rows})
	}
}

// wantedLogits computes the logits of the wanted rows.
func (p *pass) wantedLogits() []float32 {
	if p.o.NoHead || p.wanted == 0 {
		return nil
	}
	logits := grow(&p.buf.logits, p.wanted*p.m.output.Rows)
	p.head(logits, p.final(&p.m.output), p.wanted)
	return logits
}

type logitRows arch.Config

// makeRow scales logits and caps them.
func (c *logitRows) makeRow(p *pass, row []float32, _ int) {
	if c.Scale.Logit != 0 {
		p.set.Scale(row, float32(c.Scale.Logit))
	}
	if c.Cap.Logit != 0 {
		p.set.SoftCap(row, float32(c.Cap.Logit))
	}
}

// grow returns a buffer of n values, kept in *b for reuse.
func grow[T any](b *[]T, n int) []T {
	if cap(*b) < n {
		*b = make([]T, n)
	}
	*b = (*b)[:n]
	return *b
}

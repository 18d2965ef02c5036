package infer

import (
	"fmt"
	"slices"

	"bitmill/formats/block"
)

// span is a sequence's place in a pass: tokens [start, start+n) of the batch, positions [past, past+n) of the sequence.
type span struct {
	start, n, past int
	cache          *Cache
	wanted         int  // rows of logits, the last ones
	long           bool // the context is longer than the model's first one
}

// pass is one forward pass under way: a row of steps, each of which the pool runs as tasks. What the tasks of a step
// work on lies here, so that starting a step allocates nothing.
type pass struct {
	*Runner
	m      *Model
	seqs   []Sequence
	spans  []span
	n      int // tokens in the batch
	wanted int // rows of logits

	rows     int  // rows under way, at the front of buf.x: n, later perhaps only those wanted
	narrows  bool // rows that are not wanted may end with the last mixer that needs them: see narrow
	narrowed bool // they have

	angles   [ropeKinds]angles
	residual residual // what the next preparation adds to buf.x
	prep     preparation
	products []product
	taskRows int     // rows of a product that one task covers
	states   []state // of the mixer under way, for each span
	step     step

	attn   attnArgs
	routed routed
	mla    mlaBuffers
	heads  headRows
	tasks  tasks
}

// tasks are the functions that the pool runs, bound to the pass once.
type tasks struct{ embed, prepare, multiply, step func(worker, task int) }

// step is a part of a mixer that is done as tasks.
type step interface {
	task(p *pass, worker, task int)
}

// run runs a step's tasks.
func (p *pass) run(tasks int, s step) {
	p.step = s
	p.pool.Run(tasks, p.tasks.step)
}

func (p *pass) stepTask(worker, task int) { p.step.task(p, worker, task) }

// begin checks the sequences and lays them out.
func (p *pass) begin(m *Model, seqs []Sequence) error {
	p.m, p.seqs, p.spans, p.n, p.wanted, p.residual = m, seqs, p.spans[:0], 0, 0, residual{}
	p.narrows, p.narrowed = false, false
	last := 0
	for i, s := range seqs {
		if err := m.check(seqs, i); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
		sp := span{start: p.n, n: len(s.Tokens), cache: s.Cache, wanted: max(0, len(s.Tokens)-s.LogitsFrom)}
		room := sp.n
		if s.Cache != nil {
			sp.past, room = s.Cache.length, max(room, s.Cache.capacity)
		}
		sp.long = m.long(room)
		p.n += sp.n
		p.wanted += sp.wanted
		last = max(last, sp.past+sp.n)
		p.spans = append(p.spans, sp)
	}
	p.rows = p.n
	for i := range p.workers {
		p.workers[i].err = nil
	}
	for i := range m.rope {
		p.angles[i] = m.rope[i].upTo(last)
	}
	return nil
}

// check verifies that sequence i can be run: its tokens and rows of logits exist, and its cache is this model's, its
// own and large enough.
func (m *Model) check(seqs []Sequence, i int) error {
	s := seqs[i]
	for _, t := range s.Tokens {
		if t < 0 || int(t) >= m.embedding.Rows {
			return fmt.Errorf("token %d is outside the vocabulary of %d", t, m.embedding.Rows)
		}
	}
	switch c := s.Cache; {
	case s.LogitsFrom < 0:
		return fmt.Errorf("logits from token %d on are wanted", s.LogitsFrom)
	case c == nil:
		return nil
	case c.model != m:
		return fmt.Errorf("its cache was made for another model")
	case slices.ContainsFunc(seqs[:i], func(o Sequence) bool { return o.Cache == c }):
		return fmt.Errorf("its cache is another sequence's too")
	case c.length+len(s.Tokens) > c.capacity:
		return fmt.Errorf("it needs %d positions, its cache has %d", c.length+len(s.Tokens), c.capacity)
	}
	return nil
}

// fail keeps a worker's first error.
func (p *pass) fail(worker int, err error) {
	if w := &p.workers[worker]; w.err == nil {
		w.err = err
	}
}

// err is the first worker's error.
func (p *pass) err() error {
	for i := range p.workers {
		if err := p.workers[i].err; err != nil {
			return err
		}
	}
	return nil
}

// embed looks up the tokens' rows of the embedding matrix.
func (p *pass) embed() {
	grow(&p.buf.x, p.n*p.m.Config.Width)
	p.pool.Run((p.n+tokensPerTask-1)/tokensPerTask, p.tasks.embed)
}

func (p *pass) embedTask(worker, task int) {
	e, first := &p.m.embedding, task*tokensPerTask
	row, end := len(e.Data)/e.Rows, min(first+tokensPerTask, p.n)
	for i, s := range p.spans {
		for t := max(first, s.start); t < min(end, s.start+s.n); t++ {
			id, x := int(p.seqs[i].Tokens[t-s.start]), p.buf.x[t*e.Cols:][:e.Cols]
			if err := block.Decode(e.Type, x, e.Data[id*row:(id+1)*row]); err != nil {
				p.fail(worker, fmt.Errorf("token_embd.weight row %d: %w", id, err))
			}
			if s := p.m.Config.Scale.Embedding; s != 0 {
				p.set.Scale(x, float32(s))
			}
		}
	}
}

// head computes the logits of the wanted rows.
func (p *pass) head() []float32 {
	if p.o.NoHead || p.wanted == 0 {
		return nil
	}
	if !p.narrowed {
		p.narrow(nil, 0)
	}
	n, out := p.rows, &p.m.output
	p.prepareNorm(p.m.outputNorm, out)
	logits := grow(&p.buf.logits, n*out.Rows)
	p.multiply(p.buf.norm, n, product{dst: logits, w: out})
	if c := &p.m.Config; c.Scale.Logit != 0 || c.Cap.Logit != 0 {
		p.prepare(preparation{kind: scaled, rows: logits, n: n, width: out.Rows})
	}
	return logits
}

// grow returns a buffer of n values, kept in *b for reuse.
func grow[T any](b *[]T, n int) []T {
	if cap(*b) < n {
		*b = make([]T, n)
	}
	*b = (*b)[:n]
	return *b
}

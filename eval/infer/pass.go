package infer

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

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
	tokens []int32 // of the batch
	spans  []span
	n      int // tokens in the batch
	wanted int // rows of logits

	rows    int  // rows under way, at the front of buf.x: n, or only those wanted
	narrows bool // rows that are not wanted may end with the last mixer that needs them: see narrow

	angles   [ropeKinds]angles
	branch   *branch  // the one under way
	residual residual // what the next preparation adds to buf.x
	prep     preparation
	products []product
	taskRows int     // rows of a product that one task covers
	states   []state // of the mixer under way, for each span
	step     step
	runTask  func(worker, task int) // runs one of the step, bound to the pass once

	attn   attnArgs
	routed routed
	mla    mlaBuffers
	heads  headRows

	mu  sync.Mutex
	err error // the first
}

// step is what the pool does at once, as numbered tasks.
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
	p.narrows, p.err = false, nil
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
		p.tokens = append(p.tokens, s.Tokens...)
		p.n += sp.n
		p.wanted += sp.wanted
		last = max(last, sp.past+sp.n)
		p.spans = append(p.spans, sp)
	}
	p.rows = p.n
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
}

// head computes the logits of the wanted rows.
func (p *pass) head() []float32 {
	if p.o.NoHead || p.wanted == 0 {
		return nil
	}
	if p.rows > p.wanted {
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

package infer

import (
	"fmt"
	"slices"

	"bitmill/eval/kernel"
	"bitmill/formats/block"
)

// Sequence is one run of consecutive tokens of a batch.
type Sequence struct {
	Tokens []int32
	// Cache holds what came before and takes in what comes now; nil means the sequence starts at position 0 and is
	// forgotten afterwards.
	Cache *Cache
	// LogitsFrom is the index in Tokens of the first token whose logits are wanted, up to the last one; len(Tokens)
	// and more want none.
	LogitsFrom int
}

// Options of a Runner; the zero value is useful.
type Options struct {
	Kernel *kernel.Set // nil: the best this machine has
	// Observe is called with the input of every matrix product: x is n rows of w.Cols values, valid during the call.
	// Observing turns off the shortcut that computes the last layer only where logits are wanted.
	Observe func(w *Linear, x []float32, n int)
	NoHead  bool // compute no logits (calibration needs none)
}

// Runner runs forward passes; it owns every buffer they need, grown once and reused: a pass that is no longer than
// those before it allocates nothing. It is not safe for concurrent use.
type Runner struct {
	pool    *Pool
	set     *kernel.Set
	o       Options
	workers []worker
	forms   [formCount]kernel.Activations // the input of the next products
	buf     buffers
	pass    pass
}

const formCount = 8

// BatchTokens is how many tokens are best run at once: enough to make unpacking weights cheap.
const BatchTokens = 2048

// worker is what one worker of the pool needs for itself.
type worker struct {
	scratch kernel.Scratch
	attn    attnScratch
	row     []float32
	top     []int32
	err     error
}

// buffers of activations, [tokens][width] each.
type buffers struct {
	x, norm, q, k, v, attn, branch, gate, up, logits []float32
	kv                                               []kv // for sequences without a cache
}

// NewRunner makes a Runner on the pool.
func NewRunner(p *Pool, o Options) *Runner {
	if o.Kernel == nil {
		o.Kernel = kernel.Best()
	}
	r := &Runner{pool: p, set: o.Kernel, o: o, workers: make([]worker, p.Workers())}
	r.pass.Runner = r
	r.pass.tasks = tasks{r.pass.embedRows, r.pass.makeRows, r.pass.multiply, r.pass.storeBlock, r.pass.attend, r.pass.route}
	return r
}

// span is a sequence's place in a pass: tokens [start, start+n) of the batch, positions [past, past+n) of the sequence.
type span struct {
	start, n, past int
	cache          *Cache
	wanted         int  // rows of logits
	long           bool // the context is longer than the model's first one
}

func (s *span) capacity() int {
	if s.cache == nil {
		return 0
	}
	return s.cache.capacity
}

// pass is one forward pass under way: a row of steps, each of which the pool runs as tasks. What the tasks of a step
// work on lies here, so that starting a step allocates nothing.
type pass struct {
	*Runner
	m        *Model
	seqs     []Sequence
	spans    []span
	n        int // tokens in the batch
	angles   [ropeKinds]angles
	branch   branch // what the next norm adds to buf.x
	routed   routed
	latent   latentBuffers
	packed   bool // buf.x holds the wanted rows only
	in       input
	products []product
	taskRows int // rows of a product that one task covers
	at       attnArgs
	pieces   []piece
	tasks    tasks
}

// tasks are the steps, bound to the pass once.
type tasks struct{ embed, input, product, store, attend, route func(worker, task int) }

// Forward runs the sequences as one batch and returns the logits wanted, [rows][vocabulary], sequence after sequence.
// The slice is reused by the next Forward.
func (r *Runner) Forward(m *Model, seqs []Sequence) ([]float32, error) {
	p := &r.pass
	if err := p.begin(m, seqs); err != nil {
		return nil, err
	}
	p.embed()
	for i := range m.layers {
		p.layer(i)
	}
	logits := p.head()
	for i := range r.workers {
		if err := r.workers[i].err; err != nil {
			return nil, err
		}
	}
	for _, s := range p.spans {
		if s.cache != nil {
			s.cache.length += s.n
		}
	}
	return logits, nil
}

// begin checks the sequences and lays them out.
func (p *pass) begin(m *Model, seqs []Sequence) error {
	p.m, p.seqs, p.spans, p.n, p.branch = m, seqs, p.spans[:0], 0, branch{}
	last := 0
	for i, s := range seqs {
		if err := m.check(seqs, i); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
		sp := span{start: p.n, n: len(s.Tokens), cache: s.Cache, wanted: max(0, len(s.Tokens)-s.LogitsFrom)}
		if s.Cache != nil {
			sp.past = s.Cache.length
		}
		sp.long = m.long(max(sp.n, sp.capacity()))
		p.n += sp.n
		last = max(last, sp.past+sp.n)
		p.spans = append(p.spans, sp)
	}
	for i := range p.workers {
		p.workers[i].err = nil
	}
	p.turnTo(last)
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

// embed looks up the tokens' rows of the embedding matrix.
func (p *pass) embed() {
	grow(&p.buf.x, p.n*p.m.Config.Width)
	p.pieces = p.pieces[:0]
	for i, s := range p.spans {
		for at := 0; at < s.n; at += tokensPerTask {
			p.pieces = append(p.pieces, piece{span: i, row: s.start + at, pos: at, n: min(tokensPerTask, s.n-at)})
		}
	}
	p.pool.Run(len(p.pieces), p.tasks.embed)
}

func (p *pass) embedRows(worker, task int) {
	e, b := &p.m.embedding, p.pieces[task]
	row := len(e.Data) / e.Rows
	for i, t := range p.seqs[b.span].Tokens[b.pos : b.pos+b.n] {
		x := p.buf.x[(b.row+i)*e.Cols:][:e.Cols]
		if err := block.Decode(e.Type, x, e.Data[int(t)*row:(int(t)+1)*row]); err != nil {
			p.fail(worker, fmt.Errorf("token_embd.weight row %d: %w", t, err))
		}
		if s := p.m.Config.Scale.Embedding; s != 0 {
			p.set.Scale(x, float32(s))
		}
	}
}

// head computes the logits of the wanted rows, which layer has left packed at the start of x.
func (p *pass) head() []float32 {
	n := p.wantedRows()
	if p.o.NoHead || n == 0 {
		return nil
	}
	if !p.packed {
		p.keepWanted(p.buf.x, p.m.Config.Width)
		p.keepWanted(p.branch.rows, p.m.Config.Width)
	}
	out := &p.m.output
	norm := p.norm(p.m.outputNorm, n, out)
	logits := grow(&p.buf.logits, n*out.Rows)
	p.linear(norm, n, product{dst: logits, w: out})
	if c := &p.m.Config; c.Scale.Logit != 0 || c.Cap.Logit != 0 {
		p.make(input{kind: scaled, rows: logits, n: n, width: out.Rows})
	}
	return logits
}

// keepWanted packs the rows whose logits are wanted to the front.
func (p *pass) keepWanted(x []float32, width int) {
	at := 0
	for _, s := range p.spans {
		from := (s.start + s.n - s.wanted) * width
		copy(x[at:], x[from:from+s.wanted*width])
		at += s.wanted * width
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

package infer

import (
	"fmt"
	"slices"

	"bitmill/formats/block"
	"bitmill/formats/kernel"
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

// Runner runs forward passes; it owns every buffer they need, grown once and reused. It is not safe for concurrent use.
type Runner struct {
	pool    *Pool
	set     *kernel.Set
	o       Options
	scratch []kernel.Scratch // per worker
	scores  [][]float32      // per worker
	forms   [formCount]kernel.Batch
	loaded  [formCount]bool
	buf     buffers
	err     []error // per worker
}

const formCount = 8

// BatchTokens is how many tokens are best run at once: enough to make unpacking weights cheap.
const BatchTokens = 2048

// buffers of activations, [tokens][width] each.
type buffers struct {
	x, norm, q, k, v, attn, proj, gate, up, logits []float32
	kv                                             []kv // for sequences without a cache
}

// NewRunner makes a Runner on the pool.
func NewRunner(p *Pool, o Options) *Runner {
	if o.Kernel == nil {
		o.Kernel = kernel.Best()
	}
	return &Runner{pool: p, set: o.Kernel, o: o, scratch: make([]kernel.Scratch, p.Workers()), scores: make([][]float32, p.Workers()), err: make([]error, p.Workers())}
}

// span is a sequence's place in a pass: tokens [start, start+n) of the batch, positions [past, past+n) of the sequence.
type span struct {
	start, n, past int
	cache          *Cache
	wanted         int // rows of logits
}

// pass is one forward pass under way.
type pass struct {
	*Runner
	m     *Model
	spans []span
	n     int // tokens in the batch
	cos   []float32
	sin   []float32
}

// Forward runs the sequences as one batch and returns the logits wanted, [rows][vocabulary], sequence after sequence.
// The slice is reused by the next Forward.
func (r *Runner) Forward(m *Model, seqs []Sequence) ([]float32, error) {
	p := pass{Runner: r, m: m}
	last := 0
	for i, s := range seqs {
		if err := m.check(seqs, i); err != nil {
			return nil, fmt.Errorf("sequence %d: %w", i, err)
		}
		sp := span{start: p.n, n: len(s.Tokens), cache: s.Cache, wanted: max(0, len(s.Tokens)-s.LogitsFrom)}
		if s.Cache != nil {
			sp.past = s.Cache.length
		}
		p.n += sp.n
		last = max(last, sp.past+sp.n)
		p.spans = append(p.spans, sp)
	}
	clear(r.err)
	p.cos, p.sin = m.rope.upTo(last)
	if err := p.embed(seqs); err != nil {
		return nil, err
	}
	for i := range m.layers {
		p.layer(i)
	}
	logits := p.head()
	for _, err := range r.err {
		if err != nil {
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

// check verifies that sequence i can be run: its rows of logits exist, and its cache is this model's, its own and large
// enough.
func (m *Model) check(seqs []Sequence, i int) error {
	s := seqs[i]
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
func (p *pass) embed(seqs []Sequence) error {
	e := p.m.embedding
	row := len(e.Data) / e.Rows
	x := grow(&p.buf.x, p.n*e.Cols)
	i := 0
	for _, s := range seqs {
		for _, t := range s.Tokens {
			if t < 0 || int(t) >= e.Rows {
				return fmt.Errorf("token %d is outside the vocabulary of %d", t, e.Rows)
			}
			if err := block.Decode(e.Type, x[i*e.Cols:(i+1)*e.Cols], e.Data[int(t)*row:(int(t)+1)*row]); err != nil {
				return fmt.Errorf("token_embd.weight row %d: %w", t, err)
			}
			i++
		}
	}
	return nil
}

// head computes the logits of the wanted rows, which layer has left packed at the start of x.
func (p *pass) head() []float32 {
	n := p.wantedRows()
	if p.o.NoHead || n == 0 {
		return nil
	}
	if p.o.Observe != nil {
		p.keepWanted(p.buf.x, p.m.Config.Width)
	}
	p.norm(p.m.outputNorm, n)
	out := &p.m.output
	logits := grow(&p.buf.logits, n*out.Rows)
	p.linear(logits, out, p.buf.norm, n)
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
func grow(b *[]float32, n int) []float32 {
	if cap(*b) < n {
		*b = make([]float32, n)
	}
	*b = (*b)[:n]
	return *b
}

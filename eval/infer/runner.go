package infer

import (
	"fmt"
	"slices"

	"bitmill/eval/kernel"
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
	spare   [][]state // [slot.spare][span]: the states of sequences without a cache
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
}

// buffers of activations, [tokens][width] each.
type buffers struct {
	x, norm, q, k, v, attn, branch, gate, up, logits []float32
}

// NewRunner makes a Runner on the pool.
func NewRunner(p *Pool, o Options) *Runner {
	if o.Kernel == nil {
		o.Kernel = kernel.Best()
	}
	r := &Runner{pool: p, set: o.Kernel, o: o, workers: make([]worker, p.Workers())}
	r.pass.Runner = r
	r.pass.runTask = func(worker, task int) { r.pass.step.task(&r.pass, worker, task) }
	return r
}

// Forward runs the sequences as one batch and returns the logits wanted, [rows][vocabulary], sequence after sequence.
// The slice is reused by the next Forward.
func (r *Runner) Forward(m *Model, seqs []Sequence) ([]float32, error) {
	p := &r.pass
	if err := p.begin(m, seqs); err != nil {
		return nil, err
	}
	p.narrows = p.o.Observe == nil && p.wanted < p.n
	p.embed()
	for _, l := range m.layers {
		p.layer(l)
	}
	logits := p.head()
	if p.err != nil {
		return nil, p.err
	}
	for _, s := range p.spans {
		if s.cache != nil {
			s.cache.length += s.n
		}
	}
	return logits, nil
}

// Layers runs only layers [from, to) of the sequences, which have no caches, on x: the residual stream before layer
// from, [tokens][Width], or nil for the tokens' embedding. It returns the residual stream before layer to, which the
// next call reuses and x may be. Layer after layer, it gives what Forward does.
func (r *Runner) Layers(m *Model, seqs []Sequence, x []float32, from, to int) ([]float32, error) {
	p := &r.pass
	if err := p.begin(m, seqs); err != nil {
		return nil, err
	}
	size := p.n * m.Config.Width
	switch {
	case from < 0 || from > to || to > len(m.layers):
		return nil, fmt.Errorf("layers %d to %d of %d", from, to, len(m.layers))
	case x != nil && len(x) != size:
		return nil, fmt.Errorf("%d values for %d tokens of width %d", len(x), p.n, m.Config.Width)
	case slices.ContainsFunc(seqs, func(s Sequence) bool { return s.Cache != nil }):
		return nil, fmt.Errorf("some layers alone do not fill a cache")
	}
	if x == nil {
		p.embed()
	} else {
		copy(grow(&p.buf.x, size), x)
	}
	for _, l := range m.layers[from:to] {
		p.layer(l)
	}
	p.addResidual()
	return p.buf.x, p.err
}

package infer

import (
	"fmt"
	"slices"

	"bitmill/eval/kernel"
)

// Sequence is one run of consecutive tokens of a batch.
type Sequence struct {
	Tokens []int32
	// Cache is the memory of the tokens before, to which these are added. Without one the sequence starts at position 0
	// and is forgotten afterwards.
	Cache *Cache
	// LogitsFrom is the index in Tokens of the first token whose logits are wanted; from len(Tokens) on, none are.
	LogitsFrom int
}

// Options of a Runner; the zero value is useful.
type Options struct {
	Kernel *kernel.Set // nil: the best this machine has
	// Observe is called with the input of every matrix product: n rows of w.Cols values in x, valid during the call.
	// With it, the last layer too is computed for all tokens, not only for those whose logits are wanted.
	Observe func(w *Linear, x []float32, n int)
	// Multiply is called behind the calls of Observe for products that are computed together, before they are.
	Multiply func()
	// Sum is called before Observe with the matrices whose product is added to the residual stream as it is, and the n
	// rows of that stream in front of the sum.
	Sum func(w *Linear, stream []float32, n int)
	// Added is called with the same behind the product, and with the n rows of it that will be added, without a bias.
	Added  func(w *Linear, stream, product []float32, n int)
	NoHead bool // compute no logits (calibration needs none)
	// Layer is called by Forward after every layer with the number of those that have run and of all.
	Layer func(done, total int)
}

// Runner runs forward passes. It owns every buffer they need and reuses them, so that a pass no longer than those
// before it allocates nothing. It is not safe for concurrent use.
type Runner struct {
	pool    *Pool
	set     *kernel.Set
	o       Options
	workers []worker
	forms   [formCount]kernel.Activations // input of the next products
	buf     buffers
	spare   [][]state // [slot.spare][span]: the states of sequences without a cache
	pass    pass
}

const formCount = 8

// BatchTokens is a good number of tokens to run at once: enough to make unpacking weights cheap.
const BatchTokens = 2048

// worker is the scratch memory of one worker of the pool.
type worker struct {
	scratch kernel.Scratch
	attn    attnScratch
	delta   deltaScratch
	ssm     ssmScratch
	row     []float32
	top     []int32
}

// buffers of activations, [tokens][width] each.
type buffers struct {
	x, norm, q, k, v, attn, branch, gate, up, logits, inputs, streams, kept []float32
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
// The next Forward reuses the slice. It fails if a token or a row of logits does not exist, or if a cache is of another
// model, given twice or too small.
func (r *Runner) Forward(m *Model, seqs []Sequence) ([]float32, error) {
	if err := r.pass.forward(m, seqs); err != nil {
		return nil, err
	}
	return r.pass.finish(r.pass.wantedLogits())
}

// States is Forward up to the output matrix. It returns the states behind the last norm of the tokens whose logits are
// wanted, [rows][Width], in a slice that the next pass reuses.
func (r *Runner) States(m *Model, seqs []Sequence) ([]float32, error) {
	if err := r.pass.forward(m, seqs); err != nil {
		return nil, err
	}
	return r.pass.finish(r.pass.final())
}

// Logits sets logits, [rows][vocabulary], to those of rows that States returned, any number of them. The rows may
// change: they are rounded as the model rounds its inputs.
func (r *Runner) Logits(logits []float32, m *Model, states []float32) error {
	p, rows := &r.pass, len(states)/m.Config.Width
	if len(states) != rows*m.Config.Width || len(logits) != rows*m.output.Rows {
		return fmt.Errorf("%d values for states of width %d, and %d for logits of %d tokens", len(states), m.Config.Width,
			len(logits), m.output.Rows)
	}
	if err := p.begin(m, nil); err != nil {
		return err
	}
	p.prepareRows(states, rows, &m.output)
	p.head(logits, states, rows)
	return p.err
}

// forward runs the sequences through all layers.
func (p *pass) forward(m *Model, seqs []Sequence) error {
	if err := p.begin(m, seqs); err != nil {
		return err
	}
	p.embed()
	p.layer(m.opening)
	p.loops()
	p.layer(m.closing)
	return p.err
}

// finish adds the tokens to the caches, unless a task failed.
func (p *pass) finish(result []float32) ([]float32, error) {
	if p.err != nil {
		return nil, p.err
	}
	for _, s := range p.spans {
		if s.cache != nil {
			s.cache.length += s.n
		}
	}
	return result, nil
}

// loops runs all layers as often as the model does.
func (p *pass) loops() {
	n := p.m.loops()
	for ; p.loop < n; p.loop++ {
		if p.loop > 0 && p.m.Config.LoopNorm {
			p.addResidual()
			p.normRows(p.buf.x, p.rows, p.m.outputNorm)
		}
		p.narrows = p.loop == n-1 && p.o.Observe == nil && p.wanted < p.n
		for i, l := range p.m.layers {
			p.layer(l)
			if p.o.Layer != nil {
				p.o.Layer(p.loop*len(p.m.layers)+i+1, n*len(p.m.layers))
			}
		}
	}
}

// loops is how often the layers run.
func (m *Model) loops() int { return max(1, m.Config.Loops) }

// Layers runs only layers [from, to) on x, the residual stream before layer from, [tokens][Width]; nil is the tokens'
// embedding. It returns the residual stream before layer to in a slice that the next call reuses, and which may be its
// x. Layer by layer, values are those of Forward. The sequences have no caches. Layers that share the keys and values
// of an earlier one run together with it only, and those of a model with several residual streams not at all.
// After Stop, it fails with ErrStopped.
func (r *Runner) Layers(m *Model, seqs []Sequence, x []float32, from, to int) ([]float32, error) {
	return r.Parts(m, seqs, x, m.first(from), m.first(to))
}

// Parts is Layers for parts of layers: attention and feed-forward layers count one by one.
func (r *Runner) Parts(m *Model, seqs []Sequence, x []float32, from, to int) (_ []float32, err error) {
	p := &r.pass
	defer func() {
		if v := recover(); v == (stopped{}) {
			err = ErrStopped
		} else if v != nil {
			panic(v)
		}
	}()
	if err := p.begin(m, seqs); err != nil {
		return nil, err
	}
	size := p.n * m.Config.Width
	switch {
	case x != nil && len(x) != size:
		return nil, fmt.Errorf("%d values for %d tokens of width %d", len(x), p.n, m.Config.Width)
	case slices.ContainsFunc(seqs, func(s Sequence) bool { return s.Cache != nil }):
		return nil, fmt.Errorf("layers that run alone cannot fill a cache")
	}
	if err := m.alone(from, to); err != nil {
		return nil, err
	}
	p.startLayers(x)
	p.layer(slices.Concat(m.layers...)[from:to])
	p.addResidual()
	return p.buf.x, p.err
}

// startLayers sets the residual stream and what stands beside it.
func (p *pass) startLayers(x []float32) {
	if x != nil && p.m.opening == nil {
		copy(grow(&p.buf.x, len(x)), x)
		return
	}
	copy(grow(&p.buf.kept, len(x)), x) // it may be buf.x
	p.embed()
	p.layer(p.m.opening)
	if x != nil {
		copy(p.buf.x, p.buf.kept)
	}
}

// From is Forward from a layer on, with x, [tokens][Width], in the place of the residual stream before it: of the
// tokens' embeddings before layer 0. As with Layers, the sequences have no caches, and not every layer can be the first.
func (r *Runner) From(m *Model, seqs []Sequence, x []float32, layer int) ([]float32, error) {
	if _, err := r.Layers(m, seqs, x, layer, len(m.layers)); err != nil {
		return nil, err
	}
	return r.pass.wantedLogits(), r.pass.err
}

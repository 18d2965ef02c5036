package oracle

import (
	"context"
	"fmt"
	"time"

	//lint:ignore ST1001 so that the graph reads like its formulas
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"bitmill/formats/checkpoint"
)

// GradientOptions are the options of NewGradients.
type GradientOptions struct {
	Options
	Tokens int                    // of every window
	First  int                    // position of the first token whose prediction counts
	Vary   func(name string) bool // tensors to differentiate by; nil: all
}

// Gradients measures how far a model is from the full one, and how that changes with its weights:
//
//	KL(full || model) = Σ p·(ln p - ln q) / positions
//
// with the distributions p of the full model and q of the other one behind the positions from First on. Both have the
// checkpoint's shape, and the other one starts as the full model. It is not safe for concurrent use.
type Gradients struct {
	o       *Oracle
	options GradientOptions
	tensors []*checkpoint.Tensor // in the order of inputs
	weights []*slot              // of the other model
	vary    []int                // indices of weights
	full    [2]*tensors.Tensor   // gain and output matrix of the full model
	windows []window

	divergence, gradient *Exec
}

// window is a text, with the full model's residual stream behind the last layer.
type window struct{ tokens, stream *tensors.Tensor }

// NewGradients prepares both models. The checkpoint must stay open until Close. NewGradients fails with
// formats.ErrUnsupported where New does, and with ErrTooLarge.
func NewGradients(c *checkpoint.Checkpoint, o GradientOptions) (*Gradients, error) {
	if o.Tokens < 1 || o.First < 0 || o.First >= o.Tokens {
		return nil, fmt.Errorf("oracle: gradients from position %d of windows of %d tokens", o.First, o.Tokens)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultBytes
	}
	need, err := GradientMemory(c, o.Tokens, 1)
	if err != nil {
		return nil, err
	}
	if need > o.MaxBytes {
		return nil, fmt.Errorf("%w: the gradients of %s take about %d MiB, the limit is %d MiB", ErrTooLarge,
			describe(c.Config), need>>20, o.MaxBytes>>20)
	}
	full, err := New(c, o.Options)
	if err != nil {
		return nil, err
	}
	g := &Gradients{o: full, options: o}
	if err := guard("building the gradients", g.build); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// build makes room for the weights, and the graphs.
func (g *Gradients) build() (err error) {
	m, k := g.o.model, g.o.model.config
	if err := g.o.prepare(g.options.Tokens); err != nil {
		return err
	}
	g.tensors = m.all()
	for i, t := range g.tensors {
		dims := make([]int, len(t.Shape))
		for j, d := range t.Shape {
			dims[len(dims)-1-j] = int(d)
		}
		s, err := g.o.slot("other "+t.Name, dims...)
		if err != nil {
			return err
		}
		if err := t.Floats(s.flat, 0, t.Rows()); err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		g.weights = append(g.weights, s)
		if g.options.Vary == nil || g.options.Vary(t.Name) {
			g.vary = append(g.vary, i)
		}
	}
	if g.full[0], err = g.o.load("full gain", m.norm, 0, 1, k.Width); err != nil {
		return err
	}
	if g.full[1], err = g.o.load("full head", m.head, 0, m.head.Rows(), k.Vocab, k.Width); err != nil {
		return err
	}
	if g.divergence, err = NewExec(g.o.backend, func(in []*Node) []*Node { return g.graph(in, false) }); err != nil {
		return err
	}
	g.gradient, err = NewExec(g.o.backend, func(in []*Node) []*Node { return g.graph(in, true) })
	return err
}

// graph is the divergence and, behind it, its gradients. Inputs: tokens [T], the full model's stream [T, width], gain
// and output matrix, the two masks, cos, sin, rotation, then the weights in the order of model.all.
func (g *Gradients) graph(in []*Node, gradients bool) []*Node {
	m, k, first := g.o.model, g.o.model.config, g.options.First
	tokens, stream, gain, output, masks, w := in[0], in[1], in[2], in[3], in[4:6], in[9:]
	layer, roles := layerGraph(k, m.roles), len(m.roles)
	embed, norm, head, layers := w[0], w[1], w[0], w[2:]
	if m.head != m.embed {
		head, layers = w[2], w[3:]
	}
	x := Gather(embed, InsertAxes(tokens, -1))
	for i := range k.Layers {
		mask := masks[0]
		if k.Windowed(i) {
			mask = masks[1]
		}
		x = layer(append([]*Node{x, mask, in[6], in[7], in[8]}, layers[i*roles:(i+1)*roles]...))[0]
	}
	logits := func(x, gain, output *Node) *Node {
		x = Slice(x, AxisRange(first, g.options.Tokens))
		return LogSoftmax(headGraph(k)([]*Node{x, gain, output})[0])
	}
	p, q := logits(stream, gain, output), logits(x, norm, head)
	kl := MulScalar(ReduceAllSum(Mul(Exp(p), Sub(p, q))), 1/float64(g.options.Tokens-first))
	if !gradients {
		return []*Node{kl}
	}
	var by []*Node
	for _, i := range g.vary {
		by = append(by, w[i])
	}
	return append([]*Node{kl}, Gradient(kl, by...)...)
}

// Weights are a tensor's in the other model, slowest dimension first; nil for one that has none. The caller may change
// them between calls.
func (g *Gradients) Weights(name string) []float32 {
	for i, t := range g.tensors {
		if t.Name == name {
			return g.weights[i].flat
		}
	}
	return nil
}

// Add takes a window and runs the full model on it. Windows have numbers from 0.
func (g *Gradients) Add(ctx context.Context, tokens []int32) error {
	if len(tokens) != g.options.Tokens {
		return fmt.Errorf("oracle: a window of %d tokens, not of %d", len(tokens), g.options.Tokens)
	}
	stream, err := g.o.stream(ctx, tokens)
	if err != nil {
		return err
	}
	g.windows = append(g.windows, window{tensors.FromFlatDataAndDimensions(tokens, len(tokens)), stream})
	return nil
}

// Divergence is that of a window, in nats.
func (g *Gradients) Divergence(ctx context.Context, window int) (nats float64, err error) {
	return g.call(ctx, g.divergence, window, nil)
}

// Gradient calls visit with the derivatives of a window's divergence by every tensor that varies. The slice is valid
// during the call.
func (g *Gradients) Gradient(ctx context.Context, window int, visit func(name string, d []float32)) (float64, error) {
	return g.call(ctx, g.gradient, window, visit)
}

func (g *Gradients) call(ctx context.Context, e *Exec, i int, visit func(string, []float32)) (nats float64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s, w := g.o.graphs, g.windows[i]
	args := []any{w.tokens, w.stream, g.full[0], g.full[1], s.masks[false], s.masks[true], s.cos, s.sin, s.rotation}
	for _, s := range g.weights {
		args = append(args, s.tensor)
	}
	err = guard("gradients", func() error {
		out, err := e.Call(args...)
		if err != nil {
			return err
		}
		defer func() {
			for _, t := range out {
				release(t)
			}
		}()
		nats = float64(tensors.ToScalar[float32](out[0]))
		for j, t := range out[1:] {
			name := g.tensors[g.vary[j]].Name
			if err := tensors.ConstFlatData(t, func(d []float32) { visit(name, d) }); err != nil {
				return err
			}
		}
		return nil
	})
	return nats, err
}

// Close frees the graphs and the memory.
func (g *Gradients) Close() {
	for _, e := range []*Exec{g.divergence, g.gradient} {
		if e != nil {
			e.Finalize()
		}
	}
	for _, w := range g.windows {
		release(w.tokens)
		release(w.stream)
	}
	g.windows = nil
	g.o.Close()
}

// all lists the tensors: embedding, norm, output matrix unless it is tied, and those of the layers by role.
func (m *model) all() (list []*checkpoint.Tensor) {
	list = append(list, m.embed, m.norm)
	if m.head != m.embed {
		list = append(list, m.head)
	}
	for _, l := range m.layers {
		list = append(list, l...)
	}
	return list
}

// GradientMemory is about the number of bytes that Gradients take with windows of so many tokens: the weights of the
// other model, their gradients, the full model's output matrix and its stream, and what every layer and the output
// keep for the way back.
func GradientMemory(c *checkpoint.Checkpoint, tokens, windows int) (int64, error) {
	m, err := newModel(c)
	if err != nil {
		return 0, err
	}
	k, t := m.config, int64(tokens)
	var weights int64
	for _, w := range m.all() {
		weights += w.Elements()
	}
	layer := 4*int64(k.Heads)*t*t + t*int64(8*k.Heads+8*k.KVHeads)*int64(k.HeadDim) + t*int64(8*k.FFN+10*k.Width)
	output := 8 * t * int64(k.Vocab)
	return 4 * (3*weights + int64(k.Layers)*layer + output + int64(k.Vocab+windows*tokens)*int64(k.Width)), nil
}

// Rate measures what a product of two numbers takes, in seconds, in products of matrices as large as those of a model.
func Rate(threads int) (seconds float64, err error) {
	const n = 384
	backend, err := newBackend(threads)
	if err != nil {
		return 0, err
	}
	defer backend.Finalize()
	err = guard("measuring", func() error {
		e, err := NewExec(backend, func(in []*Node) []*Node { return []*Node{product(in[0], in[1])} })
		if err != nil {
			return err
		}
		defer e.Finalize()
		x := tensors.FromFlatDataAndDimensions(make([]float32, n*n), n, n)
		var start time.Time
		const times = 3
		for i := range 1 + times {
			if i == 1 { // the first one compiles
				start = time.Now()
			}
			out, err := e.Call(x, x)
			if err != nil {
				return err
			}
			release(out[0])
		}
		seconds = time.Since(start).Seconds() / (times * n * n * n)
		return nil
	})
	return seconds, err
}

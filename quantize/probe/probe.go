// Package probe measures what errors in each matrix of a model do to the distribution of the next token. The matrices
// take turns: one gets errors of about the size that quantizing makes, the layers from it on run again over a few
// windows of text, and the divergence from the full model is taken. It is proportional to the squares of small errors,
// and those of several matrices add up (Malinovskii et al. 2024, arXiv:2411.17525), so that one probe of a matrix serves
// all types.
package probe

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint"
)

// Options of Run; the zero value is useful.
type Options struct {
	Kernel *kernel.Set // nil: the best this machine has
	// Encoder makes the errors those of the encoder in a type of four bits; without it they are random.
	Encoder bool
	// Weights are the importance weights of a tensor's columns, by which its error counts; nil: all count alike.
	Weights func(name string) []float32
	// Have returns what an earlier run has found for a tensor.
	Have func(name string) (nats float64, ok bool)
	// Store takes what was found for a tensor.
	Store    func(name string, nats float64) error
	Progress func(done, total int64) // tensors
}

// embeddingName is the tensor of token embeddings. In a tied model it is the output matrix as well.
const embeddingName = "token_embd.weight"

// Of the text, so many tokens are enough, in windows that are no longer. On demo-s, the results for its matrices then
// differ by 5 to 9 % (root mean square) from those of twelve times as many; with as many again in windows of 512 they
// differ as much.
const (
	tokens  = 512
	longest = 256
	skipped = 32 // of each window, that have little context
)

// Windows are those of a text that are used, evenly spread.
func Windows(all [][]int32) (used [][]int32) {
	if len(all) == 0 {
		return nil
	}
	size := min(longest, len(all[0]))
	n := min(len(all), (tokens+size-1)/size)
	for i := range n {
		w := all[(2*i+1)*len(all)/(2*n)]
		used = append(used, w[:min(size, len(w))])
	}
	return used
}

// Matrices is about the number of tensors that are probed.
func Matrices(c *checkpoint.Checkpoint) (n int) {
	for i := range c.Tensors {
		if t := &c.Tensors[i]; len(t.Shape) > 1 && t.Rows() > 1 {
			n++
		}
	}
	return n
}

// Passes is about how often all of the model runs over the windows: once, and half of it for each matrix.
func Passes(c *checkpoint.Checkpoint) int { return 1 + (Matrices(c)+1)/2 }

// probe is the state of Run.
type probe struct {
	Options
	pool    *infer.Pool
	runner  *infer.Runner
	source  *checkpoint.Checkpoint
	model   *infer.Model
	seqs    []infer.Sequence
	vocab   int
	logits  []float32   // of the full model, [rows][vocab]
	lse     []float64   // of each row
	streams [][]float32 // of the full model before each layer; nil before those that do not run alone
}

// Run returns for every matrix the nats per token that errors in it cause, over their squares as a share of those of its
// weights. A tensor without an entry cannot be probed. windows are those that Windows returned.
func Run(ctx context.Context, pool *infer.Pool, source *checkpoint.Checkpoint, windows [][]int32,
	o Options) (map[string]float64, error) {
	o.Kernel = cmp.Or(o.Kernel, kernel.Best()).Fixed()
	m, err := infer.Load(source)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	p := &probe{Options: o, pool: pool, source: source, model: m, vocab: m.Config.Vocab,
		runner: infer.NewRunner(pool, infer.Options{Kernel: o.Kernel})}
	for _, w := range windows {
		p.seqs = append(p.seqs, infer.Sequence{Tokens: w, LogitsFrom: min(skipped, len(w)/2)})
	}
	list, nats := p.matrices(), map[string]float64{}
	for i, t := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v, err := p.tensor(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.name, err)
		}
		if v > 0 {
			nats[t.name] = v
		}
		if o.Progress != nil {
			o.Progress(int64(i+1), int64(len(list)))
		}
	}
	return nats, nil
}

// tensor returns the result of one, and stores it.
func (p *probe) tensor(t tensor) (nats float64, err error) {
	if p.Have != nil {
		if v, ok := p.Have(t.name); ok {
			return v, nil
		}
	}
	if p.logits == nil {
		if err := p.full(); err != nil {
			return 0, err
		}
	}
	if nats, err = p.measure(t); err == nil && p.Store != nil {
		err = p.Store(t.name, nats)
	}
	return nats, err
}

// full runs the full model.
func (p *probe) full() error {
	logits, err := p.runner.Forward(p.model, p.seqs)
	if err != nil {
		return err
	}
	p.logits, p.lse = slices.Clone(logits), make([]float64, len(logits)/p.vocab)
	p.pool.Run(len(p.lse), func(_, t int) { p.lse[t] = p.Kernel.LogSumExp(p.logits[t*p.vocab:][:p.vocab]) })
	p.streams = make([][]float32, p.model.Config.Layers+1)
	var x []float32
	from := 0
	for to := range p.streams {
		if p.model.Cut(to) != nil || p.model.Cut(0) != nil {
			continue
		}
		if x, err = p.runner.Layers(p.model, p.seqs, x, from, to); err != nil {
			return err
		}
		x, from = slices.Clone(x), to
		p.streams[to] = x
	}
	return nil
}

// divergence is that of the model as it is now, in nats per token. Its layers before the given one are those of the full
// model; -1: none is known to be.
func (p *probe) divergence(layer int) (float64, error) {
	for layer >= 0 && p.streams[layer] == nil {
		layer--
	}
	var logits []float32
	var err error
	if layer < 0 {
		logits, err = p.runner.Forward(p.model, p.seqs)
	} else {
		logits, err = p.runner.From(p.model, p.seqs, p.streams[layer], layer)
	}
	if err != nil {
		return 0, err
	}
	sums, total := make([]float64, len(p.lse)), 0.0
	p.pool.Run(len(sums), func(_, t int) {
		q := logits[t*p.vocab:][:p.vocab]
		sums[t] = p.Kernel.KLDivergence(p.logits[t*p.vocab:][:p.vocab], q, p.lse[t], p.Kernel.LogSumExp(q))
	})
	for _, v := range sums {
		total += v
	}
	return total / float64(len(sums)), nil
}

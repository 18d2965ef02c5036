// Package eval turns artifacts into numbers: perplexity and divergence from the full-precision source, by the protocol
// of llama-perplexity (windows of 512 tokens, the second half of each scored), for all artifacts in one pass over the
// same tokens. Logits are float32 and exist for a block of tokens only, of the reference and one candidate.
package eval

import (
	"context"
	"fmt"
	"slices"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/score"
	"bitmill/formats/file"
)

// Options of Compare; the zero value is useful.
type Options struct {
	Kernel *kernel.Set // nil: the best this machine has
	// MaxLogits bounds the logits held for one model, in values, if those of 32 tokens are fewer; 0 means 1<<23 (32 MiB).
	MaxLogits int
	// Kept has the reference's states of windows, and takes those that it has not; nil: the reference runs. Numbers are
	// the windows' in the text, by which it knows them; nil: 0, 1, 2 and so on.
	Kept    *Kept
	Numbers []int
	// Done reports whether a window was scored in an earlier sitting; batches of such windows alone are skipped.
	Done func(window int) bool
	// Scored is called when the reference and all candidates have run over a window: scores[0] is the reference's.
	Scored func(window int, scores []score.Window) error
	// Progress is called with the number of (model, window) pairs finished in this sitting and in all of it.
	Progress func(done, total int64)
	// Part is called with the pairs under way, of which some layers have run: a fraction counts.
	Part func(pairs float64)
}

// Compare runs the reference and the candidates over the windows and reports the scores of every window through
// o.Scored, in order. Models must share one vocabulary; windows may differ in length but not fall below LeastContext.
//
// Models take turns batch by batch, each with all workers. Side by side, with a part of the workers each, two models
// take 0.95 to 1.7 times as long (small ones gain what their short steps lose in waiting, larger ones compete for the
// cache), and every one would need buffers of its own.
//
// Of a batch the states behind the last layer are held, of all models; then logits are computed and scored block by
// block. So memory does not grow with windows times vocabulary.
func Compare(ctx context.Context, pool *infer.Pool, reference *infer.Model, candidates []*infer.Model,
	windows [][]int32, o Options) error {
	models := append([]*infer.Model{reference}, candidates...)
	for i, m := range models {
		if m.Config.Vocab != reference.Config.Vocab {
			return fmt.Errorf("model %d has a vocabulary of %d tokens, the reference of %d: they cannot be compared",
				i, m.Config.Vocab, reference.Config.Vocab)
		}
	}
	for i, w := range windows {
		if len(w) < LeastContext {
			return fmt.Errorf("window %d has %d tokens; at least %d are needed", i, len(w), LeastContext)
		}
		if t := w[len(w)-1]; t < 0 || int(t) >= reference.Config.Vocab { // models check the others
			return fmt.Errorf("window %d ends with token %d, outside the vocabulary of %d", i, t, reference.Config.Vocab)
		}
	}
	c := comparison{pool: pool, set: o.Kernel, models: models, windows: windows, o: o}
	if c.set == nil {
		c.set = kernel.Best()
	}
	c.runner = infer.NewRunner(pool, infer.Options{Kernel: c.set, Layer: c.layer})
	batches := c.batches()
	for _, b := range batches {
		c.total += int64(len(b) * len(models))
	}
	for _, b := range batches {
		if err := c.run(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

type comparison struct {
	pool        *infer.Pool
	runner      *infer.Runner
	set         *kernel.Set
	models      []*infer.Model
	windows     [][]int32
	o           Options
	done, total int64

	// Of the batch under way:
	under   int             // windows
	states  [][]float32     // of each model, of the tokens that are scored: [rows][width]
	targets []int32         // the tokens that follow
	tokens  [][]score.Token // of each model
	block   block
}

// batchTokens is how many tokens run through a model together: with twice as many, the activations of a model with 192
// million weights fall out of the cache, which takes 5 % longer.
const batchTokens = infer.BatchTokens / 2

// batches groups the windows that go through a model together, and leaves out the batches that are done. Groups do not
// depend on what is done, so that a resumed evaluation computes exactly the same as an undisturbed one.
func (c *comparison) batches() [][]int {
	if len(c.windows) == 0 {
		return nil
	}
	all := make([]int, len(c.windows))
	for w := range all {
		all[w] = w
	}
	n := max(1, batchTokens/len(c.windows[0]))
	return slices.DeleteFunc(slices.Collect(slices.Chunk(all, n)), func(batch []int) bool {
		return c.o.Done != nil && !slices.ContainsFunc(batch, func(w int) bool { return !c.o.Done(w) })
	})
}

// layer reports the part of a batch that is done.
func (c *comparison) layer(done, total int) {
	if c.o.Part != nil {
		c.o.Part(float64(c.under) * float64(done) / float64(total+1)) // the head is left
	}
}

func (c *comparison) run(ctx context.Context, batch []int) error {
	if err := c.runModels(ctx, batch); err != nil {
		return err
	}
	if err := c.scoreBlocks(ctx); err != nil {
		return err
	}
	if err := file.Unchanged(); err != nil {
		return err
	}
	row := 0
	for _, w := range batch {
		scores, first := make([]score.Window, len(c.models)), row
		row += scored(c.windows[w])
		for i := range scores {
			for _, t := range c.tokens[i][first:row] {
				scores[i].Add(t)
			}
		}
		if c.o.Scored != nil {
			if err := c.o.Scored(w, scores); err != nil {
				return err
			}
		}
	}
	return nil
}

// scored is the number of tokens of a window that are scored: those behind its first half, but for the last one, which
// has no successor.
func scored(window []int32) int { return len(window) - 1 - len(window)/2 }

// runModels runs the batch through all models and keeps their states.
func (c *comparison) runModels(ctx context.Context, batch []int) error {
	seqs := make([]infer.Sequence, len(batch))
	c.under, c.targets = len(batch), c.targets[:0]
	for j, w := range batch {
		tokens := c.windows[w]
		seqs[j] = infer.Sequence{Tokens: tokens[:len(tokens)-1], LogitsFrom: len(tokens) / 2}
		c.targets = append(c.targets, tokens[len(tokens)/2+1:]...)
	}
	c.states = resize(c.states, len(c.models))
	for i, m := range c.models {
		if err := ctx.Err(); err != nil {
			return err
		}
		run := func() ([]float32, error) { return c.runner.States(m, seqs) }
		var states []float32
		var err error
		if i == 0 {
			states, err = c.referenceStates(batch, run)
		} else {
			states, err = run()
		}
		if err != nil {
			return err
		}
		c.states[i] = append(c.states[i][:0], states...)
		c.done += int64(len(batch))
		if c.o.Progress != nil {
			c.o.Progress(c.done, c.total)
		}
	}
	return nil
}

package eval

import (
	"context"
	"math"

	"bitmill/eval/infer"
	"bitmill/eval/score"
)

// block is a number of tokens whose logits are there at once: [rows][vocabulary].
type block struct {
	reference, candidate []float32
	lse, entropy         []float64 // of the reference, by row
	top                  []int32
	uniform              []float32 // zeros, one per token of the vocabulary
}

// leastBlock is the least number of tokens whose logits are computed together: unpacking weights takes as long as
// multiplying about ten tokens with them.
const leastBlock = 32

// blocks are the ends of blocks of about equal size. None but a lone one has fewer than half of leastBlock tokens, and
// so few that they would be multiplied in another way than many.
func (c *comparison) blocks() (ends []int) {
	limit := c.o.MaxLogits
	if limit == 0 {
		limit = 1 << 23
	}
	rows, most := len(c.targets), max(leastBlock, limit/c.models[0].Config.Vocab)
	n := (rows + most - 1) / most
	for i := range n {
		ends = append(ends, rows*(i+1)/n)
	}
	return ends
}

// scoreBlocks turns the states of all models into scores, block by block: the reference's first, then those of the
// candidates in turn.
func (c *comparison) scoreBlocks(ctx context.Context) error {
	c.tokens = resize(c.tokens, len(c.models))
	for i := range c.tokens {
		c.tokens[i] = resize(c.tokens[i], len(c.targets))
	}
	from := 0
	for _, to := range c.blocks() {
		for i, m := range c.models {
			if err := ctx.Err(); err != nil {
				return err
			}
			logits := &c.block.candidate
			if i == 0 {
				logits = &c.block.reference
			}
			*logits = resize(*logits, (to-from)*m.Config.Vocab)
			width := m.Config.Width
			if err := c.runner.Logits(*logits, m, c.states[i][from*width:to*width]); err != nil {
				return err
			}
			c.score(*logits, c.targets[from:to], c.tokens[i][from:to], i == 0)
		}
		from = to
	}
	return nil
}

// score scores a block of logits. Those of the reference come first; their log-sum-exp, most probable token and entropy
// are kept. Rows are scored in parallel.
func (c *comparison) score(logits []float32, targets []int32, tokens []score.Token, isReference bool) {
	vocab, rows, b := c.models[0].Config.Vocab, len(targets), &c.block
	b.lse, b.top, b.entropy = resize(b.lse, rows), resize(b.top, rows), resize(b.entropy, rows)
	// D from the uniform distribution, whose logits are all 0, is ln(vocab) less the entropy.
	b.uniform = resize(b.uniform, vocab)
	uniformLSE := math.Log(float64(vocab))
	c.pool.Run(rows, func(_, r int) {
		q, target := logits[r*vocab:(r+1)*vocab], targets[r]
		lse, top := c.set.LogSumExp(q), infer.Argmax(q)
		entropy := uniformLSE - c.set.KLDivergence(q, b.uniform, lse, uniformLSE)
		if isReference {
			b.lse[r], b.top[r], b.entropy[r] = lse, top, entropy
		}
		p := b.reference[r*vocab : (r+1)*vocab]
		s := score.Token{
			NLL: lse - float64(q[target]), RefNLL: b.lse[r] - float64(p[target]),
			Entropy: entropy, RefEntropy: b.entropy[r],
			Confidence: math.Exp(float64(p[b.top[r]]) - b.lse[r]),
			SameTop:    top == b.top[r],
		}
		if !isReference {
			s.KLD = max(0, c.set.KLDivergence(p, q, b.lse[r], lse)) // rounding may leave it below
		}
		tokens[r] = s
	})
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

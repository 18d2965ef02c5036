package eval

import (
	"math"

	"bitmill/eval/infer"
	"bitmill/eval/score"
)

// score turns the logits of a batch of windows into one score per window. The logits of the reference come first; their
// log-sum-exp, most probable token and entropy are kept. Rows are scored in parallel and added up in order.
func (c *comparison) score(logits []float32, batch []int, isReference bool) []score.Window {
	vocab := c.models[0].Config.Vocab
	rows := len(logits) / vocab
	c.tokens = resize(c.tokens, rows)
	c.refLSE, c.refTop, c.refEntropy = resize(c.refLSE, rows), resize(c.refTop, rows), resize(c.refEntropy, rows)
	// D from the uniform distribution, whose logits are all 0, is ln(vocab) less the entropy.
	c.uniform = resize(c.uniform, vocab)
	uniformLSE := math.Log(float64(vocab))
	var targets []int32
	for _, w := range batch {
		targets = append(targets, c.windows[w][len(c.windows[w])/2+1:]...)
	}
	c.pool.Run(rows, func(_, r int) {
		q, target := logits[r*vocab:(r+1)*vocab], targets[r]
		lse, top := c.set.LogSumExp(q), infer.Argmax(q)
		entropy := uniformLSE - c.set.KLDivergence(q, c.uniform, lse, uniformLSE)
		if isReference {
			c.refLSE[r], c.refTop[r], c.refEntropy[r] = lse, top, entropy
		}
		p := c.reference[r*vocab : (r+1)*vocab]
		s := score.Token{
			NLL: lse - float64(q[target]), RefNLL: c.refLSE[r] - float64(p[target]),
			Entropy: entropy, RefEntropy: c.refEntropy[r],
			Confidence: math.Exp(float64(p[c.refTop[r]]) - c.refLSE[r]),
			SameTop:    top == c.refTop[r],
		}
		if !isReference {
			s.KLD = c.set.KLDivergence(p, q, c.refLSE[r], lse)
		}
		c.tokens[r] = s
	})
	out := make([]score.Window, len(batch))
	r := 0
	for j, w := range batch {
		for range len(c.windows[w]) - 1 - len(c.windows[w])/2 {
			out[j].Add(c.tokens[r])
			r++
		}
	}
	return out
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

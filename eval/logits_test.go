package eval

import (
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
	"bitmill/eval/score"
	"bitmill/formats/checkpoint/arch"
)

// TestDivergenceIsNotNegative: where reference and candidate differ by rounding alone, as a model in F16 and the same
// values in BF16 do, the sum of the divergence's terms is as often below zero as above; the score never is.
func TestDivergenceIsNotNegative(t *testing.T) {
	const rows, vocab = 64, 4096
	rng := rand.New(rand.NewPCG(1, 2))
	p, q := make([]float32, rows*vocab), make([]float32, rows*vocab)
	for i := range p {
		p[i] = float32(4 * rng.NormFloat64())
		q[i] = p[i] * (1 + float32(rng.IntN(3)-1)/(1<<23))
	}
	pool := infer.NewPool(1)
	defer pool.Close()
	set := kernel.Best()
	c := &comparison{pool: pool, set: set, targets: make([]int32, rows),
		models: []*infer.Model{{Config: arch.Config{Vocab: vocab}}}}
	c.block.reference = p
	tokens := make([]score.Token, rows)
	c.score(p, c.targets, tokens, true)
	c.score(q, c.targets, tokens, false)
	below := 0
	for r := range rows {
		p, q := p[r*vocab:(r+1)*vocab], q[r*vocab:(r+1)*vocab]
		if set.KLDivergence(p, q, set.LogSumExp(p), set.LogSumExp(q)) < 0 {
			below++
		}
		if d := tokens[r].KLD; !(d >= 0 && d < 1e-6) || math.Signbit(d) {
			t.Errorf("token %d diverges by %v", r, d)
		}
	}
	if below == 0 {
		t.Error("no sum was below zero, so nothing was tested")
	}
}

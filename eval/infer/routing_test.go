package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/arch"
)

// TestRoutingByDefinition chooses experts and their weights for random logits as the papers define it, in float64:
// scores, their correction for the choice alone, the best groups, the best experts of those, weights.
func TestRoutingByDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 14))
	for _, c := range []arch.Experts{
		{Count: 5, Used: 2},
		{Count: 9, Used: 9, Normalize: true},
		{Count: 64, Used: 6, Gating: arch.Sigmoid, Normalize: true, Scale: 2.5},
		{Count: 33, Used: 4, Gating: arch.SqrtSoftplus, Normalize: true, Scale: 1.5},
		{Count: 7, Used: 3, Gating: arch.SoftmaxChosen},
		{Count: 24, Used: 5, Gating: arch.Sigmoid, Groups: 6, GroupsUsed: 2},
		{Count: 24, Used: 5, Gating: arch.SoftmaxAll, Groups: 4, GroupsUsed: 3, Scale: 16},
		{Count: 6, Used: 2, Gating: arch.SqrtSoftplus, Groups: 6, GroupsUsed: 3, Normalize: true},
	} {
		for _, corrected := range []bool{false, true} {
			e := &experts{Experts: c}
			if corrected {
				e.correction = make([]float32, c.Count)
				for i := range e.correction {
					e.correction[i] = float32(rng.NormFloat64()) / 8
				}
			}
			const tokens = 19 // more than one task has
			logits := make([]float32, tokens*c.Count)
			for i := range logits {
				logits[i] = float32(2 * rng.NormFloat64())
			}
			for _, set := range kernel.Available() {
				e.compareRouting(t, set, logits, tokens)
			}
		}
	}
}

func (e *experts) compareRouting(t *testing.T, set *kernel.Set, logits []float32, tokens int) {
	pool := NewPool(2)
	defer pool.Close()
	p := &NewRunner(pool, Options{Kernel: set}).pass
	p.rows, p.routed.scores = tokens, slices.Clone(logits)
	grow(&p.routed.chosen, tokens*e.Used)
	grow(&p.routed.weights, tokens*e.Used)
	p.run((tokens+tokensPerTask-1)/tokensPerTask, e)
	for i := range tokens {
		chosen, weights := e.define(logits[i*e.Count:][:e.Count])
		for j, x := range chosen {
			got := float64(p.routed.weights[i*e.Used+j])
			if p.routed.chosen[i*e.Used+j] != x || math.Abs(got-weights[j]) > 1e-5*math.Abs(weights[j]) {
				t.Fatalf("%+v on %s, token %d: expert %d with weight %v, want %d with %v", e.Experts, set.Name, i,
					p.routed.chosen[i*e.Used+j], got, x, weights[j])
			}
		}
	}
}

// define is the definition: the chosen experts, best first, and their weights.
func (e *experts) define(logits []float32) (chosen []int32, weights []float64) {
	scores, sum := make([]float64, e.Count), 0.0
	for i, x := range logits {
		switch x := float64(x); e.Gating {
		case arch.SoftmaxAll:
			scores[i] = math.Exp(x)
		case arch.Sigmoid:
			scores[i] = 1 / (1 + math.Exp(-x))
		case arch.SqrtSoftplus:
			scores[i] = math.Sqrt(math.Log(1 + math.Exp(x)))
		case arch.SoftmaxChosen:
			scores[i] = x
		}
		sum += scores[i]
	}
	by := make([]float64, e.Count)
	for i := range by {
		if e.Gating == arch.SoftmaxAll {
			scores[i] /= sum
		}
		if by[i] = scores[i]; e.correction != nil {
			by[i] += float64(e.correction[i])
		}
	}
	if e.Groups > 1 {
		e.defineGroups(by)
	}
	sum = 0
	for range e.Used {
		best := slices.Index(by, slices.Max(by))
		chosen, by[best] = append(chosen, int32(best)), math.Inf(-1)
		w := scores[best]
		if e.Gating == arch.SoftmaxChosen {
			w = math.Exp(w)
		}
		weights, sum = append(weights, w), sum+w
	}
	for i := range weights {
		if e.Normalize || e.Gating == arch.SoftmaxChosen {
			weights[i] /= sum
		}
		if e.Scale != 0 {
			weights[i] *= e.Scale
		}
	}
	return chosen, weights
}

// defineGroups hides the experts of all but the best groups. A group is as good as its best expert in one softmax, and
// as the sum of its two best otherwise.
func (e *experts) defineGroups(by []float64) {
	size := e.Count / e.Groups
	var groups []float64
	for g := range e.Groups {
		sorted := slices.Sorted(slices.Values(by[g*size : (g+1)*size]))
		groups = append(groups, sorted[size-1])
		if e.Gating != arch.SoftmaxAll && size > 1 {
			groups[g] += sorted[size-2]
		}
	}
	for kept := 0; kept < e.GroupsUsed; kept++ {
		groups[slices.Index(groups, slices.Max(groups))] = math.Inf(-1)
	}
	for i := range by {
		if !math.IsInf(groups[i/size], -1) {
			by[i] = math.Inf(-1)
		}
	}
}

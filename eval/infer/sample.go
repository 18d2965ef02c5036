package infer

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampler picks the next token from logits. The zero value is greedy.
type Sampler struct {
	Temperature float64 // 0: the most probable token
	TopK        int     // keep the k most probable; 0: all
	TopP        float64 // keep the smallest set whose probabilities reach p; 0 or 1: all
	Seed        uint64

	rng    *rand.Rand
	tokens []candidate
}

type candidate struct {
	id int32
	p  float64
}

// Argmax is the index of the largest value, the first of several.
func Argmax(x []float32) int32 {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return int32(best)
}

// Pick returns a token. The same seed and the same logits give the same tokens on every machine that computes the same
// logits.
func (s *Sampler) Pick(logits []float32) int32 {
	best := Argmax(logits)
	if s.Temperature <= 0 {
		return best
	}
	if s.rng == nil {
		s.rng = rand.New(rand.NewPCG(s.Seed, 0))
	}
	s.tokens = s.tokens[:0]
	for i, v := range logits {
		s.tokens = append(s.tokens, candidate{int32(i), math.Exp(float64(v-logits[best]) / s.Temperature)})
	}
	kept := s.nucleus()
	sum := 0.0
	for _, t := range kept {
		sum += t.p
	}
	at := s.rng.Float64() * sum
	for _, t := range kept {
		if at -= t.p; at < 0 {
			return t.id
		}
	}
	return kept[len(kept)-1].id
}

// nucleus cuts the candidates down by TopK and TopP, the most probable first.
func (s *Sampler) nucleus() []candidate {
	if s.TopK <= 0 && (s.TopP <= 0 || s.TopP >= 1) {
		return s.tokens
	}
	kept := s.tokens
	slices.SortStableFunc(kept, func(a, b candidate) int { return cmp.Compare(b.p, a.p) })
	if s.TopK > 0 {
		kept = kept[:min(s.TopK, len(kept))]
	}
	if s.TopP <= 0 || s.TopP >= 1 {
		return kept
	}
	total := 0.0
	for _, t := range kept {
		total += t.p
	}
	sum := 0.0
	for i, t := range kept {
		if sum += t.p; sum >= s.TopP*total {
			return kept[:i+1]
		}
	}
	return kept
}

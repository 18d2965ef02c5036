package infer

import (
	"math"
	"math/rand/v2"
)

// Sampler picks the next token from logits. The zero value is greedy.
type Sampler struct {
	Temperature float64 // 0: the most probable token
	TopK        int     // keep the k most probable; 0: all
	TopP        float64 // keep the smallest set whose probabilities reach p; 0 or 1: all
	Seed        uint64

	rng          *rand.Rand
	tokens, kept []candidate
}

type candidate struct {
	id int32
	p  float64
}

// Argmax is the index of the largest value, the first of several. It looks at eight values at a time, as a larger one
// is rare: an evaluation does this for every token.
func Argmax(x []float32) int32 {
	best, top, at := 0, float32(math.Inf(-1)), 0
	for ; at+8 <= len(x); at += 8 {
		p := (*[8]float32)(x[at:])
		if p[0] > top || p[1] > top || p[2] > top || p[3] > top || p[4] > top || p[5] > top || p[6] > top || p[7] > top {
			for i, v := range p {
				if v > top {
					best, top = at+i, v
				}
			}
		}
	}
	for i, v := range x[at:] {
		if v > top {
			best, top = at+i, v
		}
	}
	return int32(best)
}

// Pick returns a token. The same seed and the same logits give the same tokens on every machine.
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

// nucleus reduces the candidates by TopK and TopP and returns them in order of probability; of equal ones the first
// comes first. It sorts no more than it keeps.
func (s *Sampler) nucleus() []candidate {
	byP := s.TopP > 0 && s.TopP < 1
	if s.TopK <= 0 && !byP {
		return s.tokens
	}
	h := maxHeap(s.tokens)
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
	most, total, sum := len(h), 0.0, 0.0
	if s.TopK > 0 {
		most = min(s.TopK, most)
	} else {
		for _, t := range h {
			total += t.p
		}
	}
	s.kept = s.kept[:0]
	for len(s.kept) < most && (s.TopK > 0 || sum < s.TopP*total) {
		s.kept = append(s.kept, h[0])
		sum += h[0].p
		h[0] = h[len(h)-1]
		h = h[:len(h)-1]
		h.down(0)
	}
	if s.TopK <= 0 || !byP {
		return s.kept
	}
	for _, t := range s.kept { // TopP of those that TopK keeps
		total += t.p
	}
	sum = 0
	for i, t := range s.kept {
		if sum += t.p; sum >= s.TopP*total {
			return s.kept[:i+1]
		}
	}
	return s.kept
}

// maxHeap has the most probable candidate first; each comes before the two at 2i+1 and 2i+2.
type maxHeap []candidate

func (h maxHeap) before(i, j int) bool {
	return h[i].p > h[j].p || h[i].p == h[j].p && h[i].id < h[j].id
}

func (h maxHeap) down(i int) {
	for {
		next := 2*i + 1
		if next >= len(h) {
			return
		}
		if next+1 < len(h) && h.before(next+1, next) {
			next++
		}
		if !h.before(next, i) {
			return
		}
		h[i], h[next] = h[next], h[i]
		i = next
	}
}

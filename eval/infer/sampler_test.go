package infer

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNucleus compares with the definition on sorted candidates, with ties and impossible tokens.
func TestNucleus(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	for range 300 {
		s := Sampler{TopK: rng.IntN(12), TopP: []float64{0, 0.1, 0.5, 0.9, 0.999, 1}[rng.IntN(6)]}
		for id := range 1 + rng.IntN(40) {
			s.tokens = append(s.tokens, candidate{int32(id), float64(rng.IntN(8)) / 8})
		}
		s.tokens[0].p = 1 // the most probable token always has 1
		want := slices.Clone(s.tokens)
		if s.TopK > 0 || s.TopP > 0 && s.TopP < 1 {
			slices.SortStableFunc(want, func(a, b candidate) int { return cmp.Compare(b.p, a.p) })
		}
		if s.TopK > 0 {
			want = want[:min(s.TopK, len(want))]
		}
		if s.TopP > 0 && s.TopP < 1 {
			total, sum, n := 0.0, 0.0, 0
			for _, c := range want {
				total += c.p
			}
			for n < len(want) && sum < s.TopP*total {
				sum += want[n].p
				n++
			}
			want = want[:n]
		}
		if got := s.nucleus(); !slices.Equal(got, want) {
			t.Fatalf("top-k %d, top-p %v: kept %v, not %v", s.TopK, s.TopP, got, want)
		}
	}
}

// TestPick: greedy without a temperature; with one, frequencies like the softmax, and the same tokens for a seed.
func TestPick(t *testing.T) {
	logits := []float32{0, 2, 1, float32(math.Inf(-1))}
	if got := new(Sampler).Pick(logits); got != 1 {
		t.Errorf("greedy: %d", got)
	}
	a, b := Sampler{Temperature: 2, Seed: 7}, Sampler{Temperature: 2, Seed: 7}
	const n = 20000
	var counts [4]float64
	for range n {
		id := a.Pick(logits)
		if b.Pick(logits) != id {
			t.Fatal("the same seed picks another token")
		}
		counts[id]++
	}
	sum := 1 + math.E + math.Sqrt(math.E)
	for id, want := range []float64{1 / sum, math.E / sum, math.Sqrt(math.E) / sum, 0} {
		if got := counts[id] / n; math.Abs(got-want) > 0.02 {
			t.Errorf("token %d: %v of the picks, not %v", id, got, want)
		}
	}
}

// TestArgmax: the first of the largest values counts, wherever it stands among the eight that are looked at at once.
func TestArgmax(t *testing.T) {
	for n := range 40 {
		for at := range n {
			x := make([]float32, n)
			x[at], x[n-1] = 1, 1
			if got := Argmax(x); int(got) != at {
				t.Errorf("the largest of %d values, at %d, is found at %d", n, at, got)
			}
		}
	}
	if got := Argmax([]float32{float32(math.Inf(-1)), float32(math.NaN()), -3}); got != 2 {
		t.Errorf("the only number is not found, but %d", got)
	}
}

package bench

import (
	"fmt"

	"bitmill/eval/infer"
	"bitmill/eval/machine"
)

// Kind is what a test does with its tokens.
type Kind string

// The kinds have llama-bench's names.
const (
	Prompt   Kind = "pp" // processed together, logits of the last one
	Generate Kind = "tg" // one at a time
)

// Test is a test as llama-bench defines it.
type Test struct {
	Kind   Kind
	Tokens int // at least 1
	Depth  int // tokens in the cache before them, which are not timed
}

// String is the test's name in llama-bench, such as "pp512" or "tg128 @ d4096".
func (t Test) String() string {
	if t.Depth == 0 {
		return fmt.Sprintf("%s%d", t.Kind, t.Tokens)
	}
	return fmt.Sprintf("%s%d @ d%d", t.Kind, t.Tokens, t.Depth)
}

// Grid is every prompt and then every generation at every depth. Tests of no tokens are left out.
func Grid(prompts, generated, depths []int) (tests []Test) {
	for _, depth := range depths {
		for _, list := range []struct {
			kind   Kind
			tokens []int
		}{{Prompt, prompts}, {Generate, generated}} {
			for _, n := range list.tokens {
				if n > 0 {
					tests = append(tests, Test{list.kind, n, depth})
				}
			}
		}
	}
	return tests
}

// work is that of the whole prompt, or of the average token generated.
func (t Test) work(m *infer.Model) infer.Work {
	if t.Kind == Prompt {
		return m.Work(t.Tokens, t.Depth)
	}
	return m.Work(1, t.Depth+t.Tokens/2)
}

// Bound compares a speed with a machine of these rates.
func (s Speed) Bound(t Test, m machine.Rates) Bound {
	perSecond := s.Mean()
	if t.Kind == Prompt {
		perSecond /= float64(t.Tokens)
	}
	return BoundOf(m, s.Work, perSecond)
}

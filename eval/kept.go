package eval

import "slices"

// Kept are the states of a reference behind its last layer, of windows of a text: comparisons after the first one over
// the same text begin with them in place of running the reference. They are the same to the bit. Models with experts
// keep none, as the tokens of an expert, and with them the kernel that multiplies them, depend on the other windows of a
// batch.
type Kept struct {
	Most   int // values; windows beyond that are not kept
	states map[int][]float32
}

// get appends the states of some windows, unless one is missing.
func (k *Kept) get(to []float32, windows []int) ([]float32, bool) {
	for _, w := range windows {
		if k.states[w] == nil {
			return to, false
		}
	}
	for _, w := range windows {
		to = append(to, k.states[w]...)
	}
	return to, true
}

func (k *Kept) put(window int, states []float32) {
	if k.states == nil {
		k.states = map[int][]float32{}
	}
	if k.states[window] == nil && len(states) <= k.Most {
		k.states[window] = slices.Clone(states)
		k.Most -= len(states)
	}
}

// kept is where the reference's states of the batch are kept; nil: they are not. So few tokens as are multiplied in
// another way than many might have other states beside other windows.
func (c *comparison) kept() *Kept {
	if c.models[0].Config.Experts != nil || len(c.targets) < leastBlock/2 {
		return nil
	}
	return c.o.Kept
}

// numbers are those of the batch's windows in the text.
func (c *comparison) numbers(batch []int) []int {
	if c.o.Numbers == nil {
		return batch
	}
	out := make([]int, len(batch))
	for i, w := range batch {
		out[i] = c.o.Numbers[w]
	}
	return out
}

// referenceStates runs the batch through the reference, unless its states are kept.
func (c *comparison) referenceStates(batch []int, run func() ([]float32, error)) ([]float32, error) {
	k := c.kept()
	if k == nil {
		return run()
	}
	numbers := c.numbers(batch)
	if states, ok := k.get(nil, numbers); ok {
		return states, nil
	}
	states, err := run()
	if err != nil {
		return nil, err
	}
	from := 0
	for i, w := range batch {
		to := from + scored(c.windows[w])*c.models[0].Config.Width
		k.put(numbers[i], states[from:to])
		from = to
	}
	return states, nil
}

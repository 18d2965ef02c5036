package oracle

import (
	"fmt"

	"bitmill/formats/checkpoint"
)

// fits refuses windows whose estimated memory is above limit.
func (m *model) fits(n int, limit int64) error {
	if need := m.estimate(n); need > limit {
		return fmt.Errorf("%w: %s with %d tokens needs about %d MiB, the limit is %d MiB", ErrTooLarge,
			describe(m.config), n, need>>20, limit>>20)
	}
	return nil
}

func describe(k checkpoint.Config) string {
	if k.Name != "" {
		return k.Name
	}
	return fmt.Sprintf("%s model, %d layers of width %d", k.Arch, k.Layers, k.Width)
}

// estimate is about how many bytes a window of n tokens takes at its peak: one layer or one slab of the output matrix
// (weights in float32, the largest a second time as the product's packed copy), the values that live at once, and the
// logits. Buffers come in sizes of 2 or 3 times a power of two, hence the quarter on top.
func (m *model) estimate(n int) int64 {
	k := m.config
	t := int64(n)
	var layer, largest int64
	for _, r := range m.roles {
		size := int64(1)
		for _, d := range r.dims {
			size *= int64(d)
		}
		layer, largest = layer+size, max(largest, size)
	}
	width, heads, kv := int64(k.Width), int64(k.Heads*k.HeadDim), int64(k.KVHeads*k.HeadDim)
	scores := int64(k.Heads) * t * t
	activations := t*(3*width+3*heads+4*kv+4*int64(k.FFN)) + 3*scores + 2*t*t
	rows := int64(min(slabRows, k.Vocab))
	slab := (2*width+t)*rows + 3*t*width
	return 4 * (layer + max(largest+activations, slab) + t*int64(k.Vocab)) * 5 / 4
}

package oracle

import (
	"fmt"

	"bitmill/formats/checkpoint/arch"
)

// slabRows is how many rows of the output matrix are multiplied at once: it bounds the memory of large vocabularies.
const slabRows = 8192

// fits refuses windows whose estimated memory is above limit.
func (m *model) fits(n int, limit int64) error {
	if need := m.estimate(n); need > limit {
		return fmt.Errorf("%w: %s with %d tokens needs about %d MiB, the limit is %d MiB: "+
			"take fewer tokens or a higher limit", ErrTooLarge, describe(m.config), n, need>>20, limit>>20)
	}
	return nil
}

func describe(k arch.Config) string {
	if k.Name != "" {
		return k.Name
	}
	return fmt.Sprintf("%s model, %d layers of width %d", k.Arch, k.Layers, k.Width)
}

// estimate is about the number of bytes that a window of n tokens takes at its peak: one layer's weights and one slab
// of the output matrix in float32, the values between the products, and the logits, twice as Go's collector lets the
// heap grow to that.
func (m *model) estimate(n int) int64 {
	k := m.config
	t := int64(n)
	var weights int64
	for _, r := range m.roles {
		size := int64(1)
		for _, d := range r.dims {
			size *= int64(d)
		}
		weights += size
	}
	rows := int64(min(m.slab, k.Vocab))
	weights += rows * int64(k.Width)
	attention := 3*int64(k.Heads)*t*t + t*int64(4*k.Heads+4*k.KVHeads)*int64(k.HeadDim)
	feedForward := 4 * t * int64(k.FFN)
	masks := 2 * t * t
	between := max(attention, feedForward, t*rows) + 3*t*int64(k.Width) + masks
	return 2 * 4 * (weights + between + t*int64(k.Vocab))
}

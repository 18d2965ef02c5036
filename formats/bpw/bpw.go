// Package bpw counts bits per weight exactly: payload bits over elements, kept as two integers and divided only when
// printed. The payload is the stored blocks of the tensors without alignment padding; elements are the values in them.
package bpw

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"

	"bitmill/formats"
)

// Count is a number of payload bits over a number of weights.
type Count struct {
	Bits    int64 `json:"bits"`
	Weights int64 `json:"weights"`
}

// Summary counts a model.
type Summary struct {
	All      Count `json:"all"`      // every tensor
	Matrices Count `json:"matrices"` // tensors with two or more dimensions (formats.Tensor.Dims)
}

// Of counts tensors. It fails for a shape or type without a size, and for sums beyond int64.
func Of(tensors []formats.Tensor) (Summary, error) {
	var s Summary
	for _, t := range tensors {
		if err := t.Check(); err != nil {
			return Summary{}, err
		}
		size, err := t.Bytes()
		if err != nil {
			return Summary{}, err
		}
		if size > math.MaxInt64/8 {
			return Summary{}, fmt.Errorf("tensor %s: %w: %d bytes are more bits than can be counted", t.Name,
				formats.ErrUnsupported, size)
		}
		c := Count{Bits: size * 8, Weights: t.Elements()}
		if s.All, err = s.All.Add(c); err != nil {
			return Summary{}, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		if t.Dims() > 1 { // a part of All, so it cannot overflow
			s.Matrices, _ = s.Matrices.Add(c)
		}
	}
	return s, nil
}

// Add sums two counts of non-negative numbers.
func (c Count) Add(d Count) (Count, error) {
	if d.Bits > math.MaxInt64-c.Bits || d.Weights > math.MaxInt64-c.Weights {
		return Count{}, fmt.Errorf("%w: more bits or weights than an int64 holds", formats.ErrUnsupported)
	}
	return Count{c.Bits + d.Bits, c.Weights + d.Weights}, nil
}

// String is Bits/Weights with 4 decimals, half rounded away from zero; "-" without weights.
func (c Count) String() string {
	if c.Weights <= 0 || c.Bits < 0 {
		return "-"
	}
	// Bits*10000 takes up to 77 bits: split off the whole part, whose remainder is below Weights.
	w := uint64(c.Weights)
	whole, rest := uint64(c.Bits)/w, uint64(c.Bits)%w
	hi, lo := bits.Mul64(rest, 10_000)
	parts, left := bits.Div64(hi, lo, w) // hi < w because rest < w and 10000 < 2^64
	if left >= w-left {
		parts++
	}
	return fmt.Sprintf("%d.%04d", whole+parts/10_000, parts%10_000)
}

// Float is Bits/Weights, for plots and statistics; NaN without weights.
func (c Count) Float() float64 {
	if c.Weights == 0 {
		return math.NaN()
	}
	return float64(c.Bits) / float64(c.Weights)
}

// Compare orders two counts by Bits/Weights, exactly: a*d against b*c in 128 bits. Both need weights.
func (c Count) Compare(d Count) int {
	hi1, lo1 := bits.Mul64(uint64(c.Bits), uint64(d.Weights))
	hi2, lo2 := bits.Mul64(uint64(d.Bits), uint64(c.Weights))
	if r := cmp.Compare(hi1, hi2); r != 0 {
		return r
	}
	return cmp.Compare(lo1, lo2)
}

package encode

import (
	"math"

	"bitmill/formats/block"
)

// IQ1_S and IQ1_M: x ~ scale * (t + shift) with t in -1, 0, 1 and shift +1/8 or -1/8. Sorted by value, the levels of a
// sub-block are three runs, so the search tries every pair of boundaries and every shift, by running sums; the choice
// that explains most wins. Then groups of 8 whose levels are no point of the codebook take the near point with the
// smallest weighted squared error.

// thirds are what the levels are worth, by the sign of the shift.
var thirds = [2][3]float32{
	{-1 + block.Shift1, block.Shift1, 1 + block.Shift1},
	{-1 - block.Shift1, -block.Shift1, 1 - block.Shift1},
}

const plus, minus = 0, 1

// sorted writes the indices of x in ascending order of the values, of equal ones in the order they stand in.
func sorted(index []uint8, x []float32) {
	for i, v := range x {
		at := i
		for at > 0 && x[index[at-1]] > v {
			index[at] = index[at-1]
			at--
		}
		index[at] = uint8(i)
	}
}

// split is the best choice for a sub-block: in sorted order the values below low have level 0, those from high on 2.
type split struct {
	scale     float32
	low, high int
	shifts    int // a type's own numbering
	score     float32
	found     bool
}

// beats reports whether a choice with these sums explains more than the best so far.
func (s *split) beats(xq, q2 float32) bool { return float32(xq*xq) > float32(s.score*q2) && q2 > 0 }

func (s *split) take(xq, q2 float32, low, high, shifts int) {
	scale := xq / q2
	*s = split{scale, low, high, shifts, float32(scale * xq), true}
}

func newSplit() split { return split{score: -math.MaxFloat32} }

// levels writes levels 0, 1, 2; turned upside down when the scale is negative.
func (s *split) levels(level, index []uint8) {
	for at, i := range index {
		switch {
		case at < s.low:
			level[i] = 0
		case at < s.high:
			level[i] = 1
		default:
			level[i] = 2
		}
		if s.scale < 0 {
			level[i] = 2 - level[i]
		}
	}
}

// thirdPoint finds the point for 8 values with the levels given.
func thirdPoint(book *codebook, level []uint8, x, w []float32, scale float32, values *[3]float32) (point int32, exact bool) {
	code := int32(0)
	for k := 7; k >= 0; k-- {
		code = 3*code + int32(level[k])
	}
	entry := book.entry[code]
	if entry >= 0 {
		return entry, true
	}
	var t terms8
	t.set((*[8]float32)(x), (*[8]float32)(w), &[3]float32{scale * values[0], scale * values[1], scale * values[2]})
	return book.nearOf(entry).least8(&t), false
}

// addThirds adds the sums of w*q*x and w*q^2 with q what the point's levels are worth, times factor.
func (s *fitSums) addThirds(levels uint16, x, w []float32, values *[3]float32, factor float32) {
	x, w = x[:8], w[:8]
	for k, v := range x {
		q := values[levels>>(2*k)&3] * factor
		wq := float32(w[k] * q)
		s.xq += float32(wq * v)
		s.q2 += float32(wq * q)
	}
}

package encode

import "math"

// sorted writes the indices of x in ascending order of the values; it keeps the order of equal ones.
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
	shifts    int // in the type's own numbering
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

package encode

import "bitmill/formats/block"

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

// thirdType is what one type does in its own way.
type thirdType struct {
	bytes, size int     // of a super-block, values in a sub-block
	least       float32 // sub-blocks without a magnitude that large have scale and indices 0
	halves      bool    // each half of a sub-block has a shift of its own: shifts counts ++, +-, -+, --

	split func(index []uint8, x, w []float32) split     // index is the order of x
	pack  func(b []byte, s *thirdBlock, x, w []float32) // b is cleared
}

// shiftOf is the shift of a group of 8 values, plus or minus.
func (t *thirdType) shiftOf(shifts, group int) int {
	if t.halves {
		return shifts >> (1 - group) & 1
	}
	return shifts
}

// opposite turns all shifts around.
func (t *thirdType) opposite(shifts int) int {
	if t.halves {
		return 3 - shifts
	}
	return 1 - shifts
}

// thirdBlock is what was found for a super-block.
type thirdBlock struct {
	scale  [16]float32 // of each sub-block
	shifts [16]int
	point  [32]int32 // of 8 values each
}

// encode writes super-blocks. Weights are x^2, or with importance importance * sqrt(2 * mean square of the super-block +
// x^2).
func (t *thirdType) encode(dst []byte, row, importance []float32) {
	book := book1()
	var w [256]float32
	for at := 0; at < len(row); at += 256 {
		x := row[at : at+256]
		if importance != nil {
			emphasize(w[:], importance[at:], x, float32(2*sumSquares(x)/256))
		} else {
			squares(w[:], x)
		}
		var s thirdBlock
		for j := range 256 / t.size {
			s.scale[j], s.shifts[j] = t.fit(s.point[j*t.size/8:], book, x[j*t.size:][:t.size], w[j*t.size:][:t.size])
		}
		out := dst[at/256*t.bytes:][:t.bytes]
		clear(out)
		t.pack(out, &s, x, w[:])
	}
}

// fit returns scale and shifts of a sub-block and writes its points.
func (t *thirdType) fit(point []int32, book *codebook, x, w []float32) (scale float32, shifts int) {
	point = point[:len(x)/8]
	if _, magnitude := largest(x); magnitude < t.least {
		clear(point)
		return 0, 0
	}
	var index, level [32]uint8
	sorted(index[:len(x)], x)
	best := t.split(index[:len(x)], x, w)
	if !best.found {
		clear(point)
		return 0, 0
	}
	best.levels(level[:], index[:len(x)])
	scale, shifts = best.scale, best.shifts
	if scale < 0 {
		scale, shifts = -scale, t.opposite(shifts)
	}
	onGrid := true
	for k := range point {
		var exact bool
		point[k], exact = thirdPoint(book, level[8*k:], x[8*k:], w[8*k:], scale, &thirds[t.shiftOf(shifts, k)])
		onGrid = onGrid && exact
	}
	if !onGrid {
		scale = t.refit(book, point, x, w, scale, shifts)
	}
	return scale, shifts
}

// refit is the scale that suits the points.
func (t *thirdType) refit(book *codebook, point []int32, x, w []float32, scale float32, shifts int) float32 {
	var sums fitSums
	for k, p := range point {
		sums.addThirds(book.points[p], x[8*k:], w[8*k:], &thirds[t.shiftOf(shifts, k)], 1)
	}
	if sums.xq > 0 && sums.q2 > 0 {
		return sums.xq / sums.q2
	}
	return scale
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

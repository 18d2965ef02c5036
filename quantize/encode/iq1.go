package encode

import "bitmill/formats/block"

// IQ1_S and IQ1_M: x ~ scale * (t + shift) with t in -1, 0, 1 and shift +1/8 or -1/8. Sorted by value, the levels of a
// sub-block are three runs, so the search tries every pair of boundaries and every shift, by running sums; the choice
// that explains most wins. Then groups of 8 whose levels are not in the codebook take the near entry with the
// smallest weighted squared error.

// iq1Values are the values that levels stand for, by the sign of the shift.
var iq1Values = [2][3]float32{
	{-1 + block.Shift1, block.Shift1, 1 + block.Shift1},
	{-1 - block.Shift1, -block.Shift1, 1 - block.Shift1},
}

const plus, minus = 0, 1

// iq1Type is the part of one type that is its own.
type iq1Type struct {
	bytes, size int     // of a super-block, values in a sub-block
	least       float32 // sub-blocks with smaller magnitudes only have scale and indices 0
	halves      bool    // each half of a sub-block has a shift of its own: shifts counts ++, +-, -+, --

	split func(index []uint8, x, w []float32) split   // index is the order of x
	pack  func(b []byte, s *iq1Block, x, w []float32) // b is cleared
}

// shiftOf is the shift of a group of 8 values, plus or minus.
func (t *iq1Type) shiftOf(shifts, group int) int {
	if t.halves {
		return shifts >> (1 - group) & 1
	}
	return shifts
}

// opposite turns all shifts around.
func (t *iq1Type) opposite(shifts int) int {
	if t.halves {
		return 3 - shifts
	}
	return 1 - shifts
}

// iq1Block is the result for a super-block.
type iq1Block struct {
	scale  [16]float32 // of each sub-block
	shifts [16]int
	entry  [32]int32 // of 8 values each
}

// encode writes super-blocks. Weights are x^2, or with importance importance * sqrt(2 * mean square of the super-block
// + x^2).
func (t *iq1Type) encode(dst []byte, row, importance []float32) {
	book := book1()
	var w [256]float32
	for at := 0; at < len(row); at += 256 {
		x := row[at : at+256]
		if importance != nil {
			importanceWeights(w[:], importance[at:], x, float32(2*sumSquares(x)/256))
		} else {
			squares(w[:], x)
		}
		var s iq1Block
		for j := range 256 / t.size {
			s.scale[j], s.shifts[j] = t.fit(s.entry[j*t.size/8:], book, x[j*t.size:][:t.size], w[j*t.size:][:t.size])
		}
		out := dst[at/256*t.bytes:][:t.bytes]
		clear(out)
		t.pack(out, &s, x, w[:])
	}
}

// fit returns scale and shifts of a sub-block and writes its entries.
func (t *iq1Type) fit(entry []int32, book *codebook, x, w []float32) (scale float32, shifts int) {
	entry = entry[:len(x)/8]
	if _, magnitude := largest(x); magnitude < t.least {
		clear(entry)
		return 0, 0
	}
	var index, level [32]uint8
	sorted(index[:len(x)], x)
	best := t.split(index[:len(x)], x, w)
	if !best.found {
		clear(entry)
		return 0, 0
	}
	best.levels(level[:], index[:len(x)])
	scale, shifts = best.scale, best.shifts
	if scale < 0 {
		scale, shifts = -scale, t.opposite(shifts)
	}
	allExact := true
	for k := range entry {
		var exact bool
		entry[k], exact = iq1Entry(book, level[8*k:], x[8*k:], w[8*k:], scale, &iq1Values[t.shiftOf(shifts, k)])
		allExact = allExact && exact
	}
	if !allExact {
		scale = t.refit(book, entry, x, w, scale, shifts)
	}
	return scale, shifts
}

// refit is the scale that suits the entries.
func (t *iq1Type) refit(book *codebook, entry []int32, x, w []float32, scale float32, shifts int) float32 {
	var sums fitSums
	for k, p := range entry {
		sums.addIQ1(book.entries[p], x[8*k:], w[8*k:], &iq1Values[t.shiftOf(shifts, k)], 1)
	}
	if sums.xq > 0 && sums.q2 > 0 {
		return sums.xq / sums.q2
	}
	return scale
}

// iq1Entry finds the entry for 8 values with the levels given.
func iq1Entry(book *codebook, level []uint8, x, w []float32, scale float32, values *[3]float32,
) (entry int32, exact bool) {
	code := int32(0)
	for k := 7; k >= 0; k-- {
		code = 3*code + int32(level[k])
	}
	found := book.lookup[code]
	if found >= 0 {
		return found, true
	}
	var t terms8
	t.set((*[8]float32)(x), (*[8]float32)(w), &[3]float32{scale * values[0], scale * values[1], scale * values[2]})
	return book.nearOf(found).least8(&t), false
}

// addIQ1 adds the sums of w*q*x and w*q^2, where q is the value of the entry's level times factor.
func (s *fitSums) addIQ1(levels uint16, x, w []float32, values *[3]float32, factor float32) {
	x, w = x[:8], w[:8]
	for k, v := range x {
		q := values[levels>>(2*k)&3] * factor
		wq := float32(w[k] * q)
		s.xq += float32(wq * v)
		s.q2 += float32(wq * q)
	}
}

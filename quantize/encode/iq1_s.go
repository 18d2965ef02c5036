package encode

import "encoding/binary"

// encodeIQ1_S: 8 sub-blocks of 32 with one shift each; see iq1.go. Needs importance; weights are
// importance * sqrt(2 * mean square of the super-block + x^2). A sub-block below 1e-12, or with weights of zero, has
// scale and indices 0.
func encodeIQ1_S(dst []byte, row, importance []float32) {
	book := book1()
	var w [32]float32
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[50]byte)(dst[at/256*50:])
		variance := float32(2 * sumSquares(x[:]) / 256)
		var scales [8]float32
		var words [8]uint16
		clear(b[:])
		for j := range scales {
			sub := (*[32]float32)(x[32*j:])
			emphasize(w[:], importance[at+32*j:], sub[:], variance)
			var point [4]int32
			var shift int
			scales[j], shift = fitIQ1_S(&point, book, sub, &w)
			words[j] = uint16(shift) << 15
			for k, p := range point {
				b[2+4*j+k] = uint8(p)
				words[j] |= uint16(p>>8) << (3 * k)
			}
		}
		if largest := maximum(scales[:]); largest > 0 {
			d := largest / 15
			putHalf(b[:], d*1.125) // the factor is ggml's: it lowers the error
			for j, scale := range scales {
				words[j] |= uint16(oddScale(1/d, scale, 7)) << 12
			}
		} else {
			for j := range words {
				words[j] &= 0xfff
			}
		}
		for j, word := range words {
			binary.LittleEndian.PutUint16(b[34+2*j:], word)
		}
	}
}

// fitIQ1_S returns scale and shift of a sub-block and writes its points.
func fitIQ1_S(point *[4]int32, book *codebook, x, w *[32]float32) (scale float32, shift int) {
	if _, magnitude := largest(x[:]); magnitude < 1e-12 {
		return 0, plus
	}
	var index, level [32]uint8
	sorted(index[:], x[:])
	best := splitIQ1_S(&index, x, w)
	if !best.found {
		return 0, plus
	}
	best.levels(level[:], index[:])
	scale, shift = best.scale, best.shifts
	if scale < 0 {
		scale, shift = -scale, 1-shift
	}
	onGrid := true
	for k := range point {
		var exact bool
		point[k], exact = thirdPoint(book, level[8*k:], x[8*k:], w[8*k:], scale, &thirds[shift])
		onGrid = onGrid && exact
	}
	if onGrid {
		return scale, shift
	}
	var sums fitSums
	for k, p := range point {
		sums.addThirds(book.points[p], x[8*k:], w[8*k:], &thirds[shift], 1)
	}
	if sums.xq > 0 && sums.q2 > 0 {
		scale = sums.xq / sums.q2
	}
	return scale, shift
}

// splitIQ1_S tries all boundaries with both shifts.
func splitIQ1_S(index *[32]uint8, x, w *[32]float32) split {
	var sumX, sumW [33]float32 // of the values before a boundary
	for at, i := range index {
		sumX[at+1] = sumX[at] + float32(w[i&31]*x[i&31])
		sumW[at+1] = sumW[at] + w[i&31]
	}
	// What lies above the upper boundary contributes the same for every lower one.
	var above [33]struct{ plus, minus fitSums }
	for i := range above {
		above[i].plus = thirdSums(sumX[32]-sumX[i], sumW[32]-sumW[i], thirds[plus][2])
		above[i].minus = thirdSums(sumX[32]-sumX[i], sumW[32]-sumW[i], thirds[minus][2])
	}
	best := newSplit()
	for low := range 33 {
		below := thirdSums(sumX[low]-sumX[0], sumW[low]-sumW[0], thirds[plus][0])
		belowMinus := thirdSums(sumX[low]-sumX[0], sumW[low]-sumW[0], thirds[minus][0])
		for high := low; high < 33; high++ {
			top := &above[high]
			between := thirdSums(sumX[high]-sumX[low], sumW[high]-sumW[low], thirds[plus][1])
			xq := below.xq + between.xq + top.plus.xq
			q2 := below.q2 + between.q2 + top.plus.q2
			if best.beats(xq, q2) {
				best.take(xq, q2, low, high, plus)
			}
			between.xq = -between.xq // the middle level is worth the opposite: the square is the same
			xq = belowMinus.xq + between.xq + top.minus.xq
			q2 = belowMinus.q2 + between.q2 + top.minus.q2
			if best.beats(xq, q2) {
				best.take(xq, q2, low, high, minus)
			}
		}
	}
	return best
}

// thirdSums are the sums of w*q*x and w*q^2 of values with the same q, given those of w*x and w.
func thirdSums(sumX, sumW, q float32) fitSums {
	return fitSums{float32(sumX * q), float32(float32(sumW*q) * q)}
}

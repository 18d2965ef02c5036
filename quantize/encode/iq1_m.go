package encode

import (
	"encoding/binary"

	"bitmill/formats/block"
)

// encodeIQ1_M: 16 sub-blocks of 16 with a shift for each half; see iq1.go. Weights are x^2, or with importance
// importance * sqrt(2 * mean square of the super-block + x^2). A sub-block below 1e-7, or with weights of zero, has scale
// and indices 0. With all levels known, d is fitted once more to the super-block.
func encodeIQ1_M(dst []byte, row, importance []float32) {
	book := book1()
	var w [256]float32
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[56]byte)(dst[at/256*56:])
		if importance != nil {
			emphasize(w[:], importance[at:], x[:], float32(2*sumSquares(x[:])/256))
		} else {
			squares(w[:], x[:])
		}
		var scales [16]float32
		var points [32]int32
		var shifts [16]int
		clear(b[:])
		for j := range scales {
			scales[j], shifts[j] = fitIQ1_M((*[2]int32)(points[2*j:]), book, (*[16]float32)(x[16*j:]), (*[16]float32)(w[16*j:]))
		}
		for k, p := range points {
			b[k] = uint8(p)
			b[32+k/2] |= uint8(p>>8) << (k % 2 * 4)
		}
		largest := maximum(scales[:])
		if largest == 0 {
			continue
		}
		d := largest / 15
		var words [4]uint16
		var sums fitSums
		for j, scale := range scales {
			s := oddScale(1/d, scale, 7)
			words[j/4] |= uint16(s) << (j % 4 * 3)
			for half := range 2 {
				k, shift := 2*j+half, shiftOf(shifts[j], half)
				b[32+j] |= uint8(shift) << (3 + 4*half)
				sums.addThirds(book.points[points[k]], x[8*k:], w[8*k:], &thirds[shift], float32(2*int32(s)+1))
			}
		}
		if sums.q2 > 0 {
			d = sums.xq / sums.q2
		}
		bits := block.F16(d * 1.1125) // the factor is ggml's: it lowers the error
		for i, word := range words {
			binary.LittleEndian.PutUint16(b[48+2*i:], word|bits>>(4*i)<<12)
		}
	}
}

// shiftOf is the shift of a half of a sub-block, plus or minus: shifts counts ++, +-, -+, --.
func shiftOf(shifts, half int) int {
	if half == 0 {
		return shifts / 2
	}
	return shifts % 2
}

// fitIQ1_M returns scale and shifts of a sub-block and writes its points.
func fitIQ1_M(point *[2]int32, book *codebook, x, w *[16]float32) (scale float32, shifts int) {
	if _, magnitude := largest(x[:]); magnitude < 1e-7 {
		return 0, 0
	}
	var index, level [16]uint8
	sorted(index[:], x[:])
	best := splitIQ1_M(&index, x, w)
	if !best.found {
		return 0, 0
	}
	best.levels(level[:], index[:])
	scale, shifts = best.scale, best.shifts
	if scale < 0 {
		scale, shifts = -scale, 3-shifts
	}
	onGrid := true
	for k := range point {
		var exact bool
		point[k], exact = thirdPoint(book, level[8*k:], x[8*k:], w[8*k:], scale, &thirds[shiftOf(shifts, k)])
		onGrid = onGrid && exact
	}
	if onGrid {
		return scale, shifts
	}
	var sums fitSums
	for k, p := range point {
		sums.addThirds(book.points[p], x[8*k:], w[8*k:], &thirds[shiftOf(shifts, k)], 1)
	}
	if sums.xq > 0 && sums.q2 > 0 {
		scale = sums.xq / sums.q2
	}
	return scale, shifts
}

// splitIQ1_M tries all boundaries with all shifts. Levels differ by one, so with X(i) the sum of w*x of the first i values
// and q what the top level is worth, sum w*x*q = X(n)*q - X(low) - X(high), for each half's values; likewise for
// sum w*q^2, with differences of squares.
func splitIQ1_M(index *[16]uint8, x, w *[16]float32) split {
	var halves [2]boundaries
	for at, i := range index {
		for half := range halves {
			h := &halves[half]
			h.x[at+1], h.w[at+1] = h.x[at], h.w[at]
		}
		h := &halves[i/8&1]
		h.x[at+1] += float32(w[i&15] * x[i&15])
		h.w[at+1] += w[i&15]
	}
	halves[0].prepare()
	halves[1].prepare()
	first, second := &halves[0], &halves[1]
	best := newSplit()
	for low := range 17 {
		for high := low; high < 17; high++ {
			x0, x1 := first.x[low]+first.x[high], second.x[low]+second.x[high]
			plus0, minus0 := first.topX[plus]-x0, first.topX[minus]-x0
			plus1, minus1 := second.topX[plus]-x1, second.topX[minus]-x1
			q0, m0 := first.low[plus][low]+first.high[plus][high], first.low[minus][low]+first.high[minus][high]
			q1, m1 := second.low[plus][low]+second.high[plus][high], second.low[minus][low]+second.high[minus][high]
			if xq, q2 := plus0+plus1, q0+q1; best.beats(xq, q2) {
				best.take(xq, q2, low, high, 0)
			}
			if xq, q2 := plus0+minus1, q0+m1; best.beats(xq, q2) {
				best.take(xq, q2, low, high, 1)
			}
			if xq, q2 := minus0+plus1, m0+q1; best.beats(xq, q2) {
				best.take(xq, q2, low, high, 2)
			}
			if xq, q2 := minus0+minus1, m0+m1; best.beats(xq, q2) {
				best.take(xq, q2, low, high, 3)
			}
		}
	}
	return best
}

// boundaries are the running sums of one half of a sub-block, and by shift what a boundary contributes.
type boundaries struct {
	x, w      [17]float32 // sums of w*x and w of the values before it
	topX      [2]float32  // all w*x times what the top level is worth
	low, high [2][17]float32
}

func (b *boundaries) prepare() {
	for shift := range thirds {
		v := &thirds[shift]
		step1 := float32(v[0]*v[0]) - float32(v[1]*v[1])
		step2 := float32(v[1]*v[1]) - float32(v[2]*v[2])
		b.topX[shift] = b.x[16] * v[2]
		all := float32(float32(b.w[16]*v[2]) * v[2])
		for i, w := range b.w {
			b.low[shift][i] = all + float32(w*step1)
			b.high[shift][i] = w * step2
		}
	}
}

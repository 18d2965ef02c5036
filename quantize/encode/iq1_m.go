package encode

import (
	"encoding/binary"

	"bitmill/formats/block"
)

// typeIQ1_M: 16 sub-blocks of 16 with a shift for each half; see iq1.go. Sub-blocks below 1e-7, or with weights of
// zero, have scale and indices 0.
var typeIQ1_M = iq1Type{bytes: 56, size: 16, least: 1e-7, halves: true, split: splitIQ1_M, pack: packIQ1_M}

// packIQ1_M: with all levels known, d is fitted once more to the super-block.
func packIQ1_M(b []byte, s *iq1Block, x, w []float32) {
	for k, p := range s.entry {
		b[k] = uint8(p)
		b[32+k/2] |= uint8(p>>8) << (k % 2 * 4)
	}
	largest := maximum(s.scale[:])
	if largest == 0 {
		return
	}
	d := largest / 15
	book := book1()
	var words [4]uint16
	var sums fitSums
	for j, scale := range s.scale {
		level := oddScale(1/d, scale, 7)
		words[j/4] |= uint16(level) << (j % 4 * 3)
		for half := range 2 {
			k, shift := 2*j+half, s.shifts[j]>>(1-half)&1
			b[32+j] |= uint8(shift) << (3 + 4*half)
			sums.addIQ1(book.entries[s.entry[k]], x[8*k:], w[8*k:], &iq1Values[shift], float32(2*int32(level)+1))
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

// splitIQ1_M tries all boundaries with all shifts. Levels differ by one, so with X(i) the sum of w*x of the first i
// values and q the value of the top level, sum w*x*q = X(n)*q - X(low) - X(high), for each half's values; likewise for
// sum w*q^2, with differences of squares.
func splitIQ1_M(index []uint8, x, w []float32) split {
	x, w = x[:16], w[:16]
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
	topX      [2]float32  // all w*x times the value of the top level
	low, high [2][17]float32
}

func (b *boundaries) prepare() {
	for shift := range iq1Values {
		v := &iq1Values[shift]
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

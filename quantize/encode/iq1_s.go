package encode

import "encoding/binary"

// typeIQ1_S: 8 sub-blocks of 32 with one shift each; see iq1.go. Needs importance. Sub-blocks below 1e-12, or with
// weights of zero, have scale and indices 0.
var typeIQ1_S = iq1Type{bytes: 50, size: 32, least: 1e-12, split: splitIQ1_S, pack: packIQ1_S}

func packIQ1_S(b []byte, s *iq1Block, _, _ []float32) {
	largest := maximum(s.scale[:8])
	d := largest / 15
	if largest > 0 {
		putHalf(b, d*1.125) // the factor is ggml's: it lowers the error
	}
	for j, scale := range s.scale[:8] {
		var word uint16
		if largest > 0 {
			word = uint16(s.shifts[j])<<15 | uint16(oddScale(1/d, scale, 7))<<12
		}
		for k, p := range s.entry[4*j : 4*j+4] {
			b[2+4*j+k] = uint8(p)
			word |= uint16(p>>8) << (3 * k)
		}
		binary.LittleEndian.PutUint16(b[34+2*j:], word)
	}
}

// splitIQ1_S tries all boundaries with both shifts.
func splitIQ1_S(index []uint8, x, w []float32) split {
	x, w = x[:32], w[:32]
	var sumX, sumW [33]float32 // of the values before a boundary
	for at, i := range index {
		sumX[at+1] = sumX[at] + float32(w[i&31]*x[i&31])
		sumW[at+1] = sumW[at] + w[i&31]
	}
	// The values above the upper boundary contribute the same for every lower one.
	var above [33]struct{ plus, minus fitSums }
	for i := range above {
		above[i].plus = iq1Sums(sumX[32]-sumX[i], sumW[32]-sumW[i], iq1Values[plus][2])
		above[i].minus = iq1Sums(sumX[32]-sumX[i], sumW[32]-sumW[i], iq1Values[minus][2])
	}
	best := newSplit()
	for low := range 33 {
		below := iq1Sums(sumX[low]-sumX[0], sumW[low]-sumW[0], iq1Values[plus][0])
		belowMinus := iq1Sums(sumX[low]-sumX[0], sumW[low]-sumW[0], iq1Values[minus][0])
		for high := low; high < 33; high++ {
			top := &above[high]
			between := iq1Sums(sumX[high]-sumX[low], sumW[high]-sumW[low], iq1Values[plus][1])
			xq := below.xq + between.xq + top.plus.xq
			q2 := below.q2 + between.q2 + top.plus.q2
			if best.beats(xq, q2) {
				best.take(xq, q2, low, high, plus)
			}
			between.xq = -between.xq // the middle level has the opposite value and the same square
			xq = belowMinus.xq + between.xq + top.minus.xq
			q2 = belowMinus.q2 + between.q2 + top.minus.q2
			if best.beats(xq, q2) {
				best.take(xq, q2, low, high, minus)
			}
		}
	}
	return best
}

// iq1Sums are the sums of w*q*x and w*q^2 of values with the same q, given those of w*x and w.
func iq1Sums(sumX, sumW, q float32) fitSums {
	return fitSums{float32(sumX * q), float32(float32(sumW*q) * q)}
}

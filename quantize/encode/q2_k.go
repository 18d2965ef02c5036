package encode

// encodeQ2_K: 16 sub-blocks of 16, x ~ d*s * q - dmin*t with q in 0..3, s and t in 0..15.
//
// Without importance: errors count by |x| and not squared, and s, t spread evenly from 0 to the largest. With it: weights
// importance * sqrt(mean square of the super-block + x^2), squared errors, and searched scales.
func encodeQ2_K(dst []byte, row, importance []float32) {
	var q [256]uint8
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[84]byte)(dst[at/256*84:])
		var fits [16]affine
		var s, t [16]uint8
		var d, dmin float32
		if importance == nil {
			d, dmin = plainFit2(&fits, &s, &t, x)
		} else {
			d, dmin = weightedFit2(&fits, &s, &t, x, (*[256]float32)(importance[at:]))
		}
		d, dmin = putHalf(b[80:], d), putHalf(b[82:], dmin)
		for j := range fits {
			b[j] = s[j] | t[j]<<4
			sub, level := x[16*j:16*j+16], q[16*j:16*j+16]
			scale := d * float32(int32(b[j]&15))
			if scale == 0 {
				fits[j].levels(level, sub, 3)
				continue
			}
			requantize(level, sub, scale, float32(dmin*float32(int32(b[j]>>4))), 3)
		}
		pack2(b[16:], &q)
	}
}

func plainFit2(fits *[16]affine, s, t *[16]uint8, x *[256]float32) (d, dmin float32) {
	var w, scales, mins [16]float32
	for j := range fits {
		sub := (*[16]float32)(x[16*j:])
		for i, v := range sub {
			w[i] = abs32(v)
		}
		fits[j] = searchAffine(sub[:], w[:], 3, stepRange{-0.5, 0.1, 15}, true)
		scales[j], mins[j] = fits[j].scale, fits[j].min
	}
	return plainLevels(s[:], scales[:], 15), plainLevels(t[:], mins[:], 15)
}

func weightedFit2(fits *[16]affine, s, t *[16]uint8, x, importance *[256]float32) (d, dmin float32) {
	var w, scales, mins, sums [16]float32
	variance := float32(sumSquares(x[:]) / 256)
	for j := range fits {
		sub := x[16*j : 16*j+16]
		importanceWeights(w[:], importance[16*j:], sub, variance)
		sums[j] = sum(w[:])
		fits[j] = searchAffine(sub, w[:], 3, weightedSteps, false)
		scales[j], mins[j] = fits[j].scale, fits[j].min
	}
	return searchNonneg(s[:], scales[:], sums[:], 15), searchNonneg(t[:], mins[:], sums[:], 15)
}

package encode

// typeIQ2_S: 16 sub-blocks of 16 with 8 signs for 8 values; see codebook_type.go. With v twice the mean square of the
// super-block, weights are v/4 + x^2, or with importance importance * sqrt(v + x^2). Sub-blocks below 1e-8 count as
// zero.
var typeIQ2_S = codebookType{book: book2S, bytes: 82, size: 16, steps: 9, step: 0.1,
	least: 1e-8, factor: 2, plainWeights: weightsIQ2_S, pack: packIQ2_S}

func weightsIQ2_S(w, x []float32, variance float32) {
	w = w[:len(x)]
	for i, v := range x {
		w[i] = float32(0.25*variance) + float32(v*v)
	}
}

func packIQ2_S(b []byte, s *codebookBlock) {
	for k, p := range s.entry[:32] {
		b[2+k] = uint8(p)
		b[34+k] = s.signs[k]
		b[66+k/4] |= uint8(p>>8) << (k % 4 * 2)
	}
	largest := maximum(s.scale[:])
	if largest == 0 {
		return
	}
	d := largest / 31
	putHalf(b, d*0.9875) // the factor is ggml's: it lowers the error a little
	for j, scale := range s.scale {
		b[74+j/2] |= oddScale(1/d, scale, 15) << (j % 2 * 4)
	}
}

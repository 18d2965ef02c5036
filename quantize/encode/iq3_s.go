package encode

import "math"

// typeIQ3_S: 8 sub-blocks of 32 with 8 signs for 8 values; see codebook_type.go. Weights are x^2, or with importance
// importance * sqrt(2 * mean square of the super-block + x^2).
var typeIQ3_S = codebookType{book: book3S, bytes: 110, size: 32, steps: 9, step: 0.2, second: allIfNear,
	least: math.SmallestNonzeroFloat32, factor: 2, plainWeights: squareWeights, pack: packIQ3_S}

// squareWeights are x^2.
func squareWeights(w, x []float32, _ float32) { squares(w, x) }

// packIQ3_S: ggml (2026) does not leave room for a sub-block of nothing but zeros: the low index bytes and the signs of
// those after it move up by one place, while their high bits and scales stay, so that such a super-block decodes to
// other values. Equal bytes need the same here. Weights that were not pruned have no such sub-blocks.
func packIQ3_S(b []byte, s *codebookBlock) {
	place := 0
	for j := range 8 {
		if s.empty[j] {
			continue
		}
		for k, p := range s.entry[8*j : 8*j+8] {
			b[2+8*place+k] = uint8(p)
			b[66+j] |= uint8(p>>8) << k
		}
		copy(b[74+4*place:], s.signs[4*j:4*j+4])
		place++
	}
	largest := maximum(s.scale[:8])
	if largest == 0 {
		return
	}
	d := largest / 31
	putHalf(b, d*1.033) // the factor is ggml's: it lowers the error a little
	for j, scale := range s.scale[:8] {
		b[106+j/2] |= oddScale(1/d, scale, 15) << (j % 2 * 4)
	}
}

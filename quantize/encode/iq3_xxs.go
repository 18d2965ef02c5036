package encode

import "encoding/binary"

// typeIQ3_XXS: 8 sub-blocks of 32 with 7 signs for 8 values; see codebook_type.go. Weights are x^2, or with importance
// importance * sqrt(2 * mean square of the super-block + x^2). Sub-blocks below 1e-8 count as zero.
var typeIQ3_XXS = codebookType{book: book3XXS, bytes: 98, size: 32, steps: 15, step: 0.2,
	even: true, least: 1e-8, factor: 2, plainWeights: squareWeights, pack: packIQ3_XXS}

func packIQ3_XXS(b []byte, s *codebookBlock) {
	largest := maximum(s.scale[:8])
	if largest == 0 {
		return
	}
	d := largest / 31
	putHalf(b, d*1.0125) // the factor is ggml's: it lowers the error a little
	for k, p := range s.entry {
		b[2+k] = uint8(p)
	}
	for j, scale := range s.scale[:8] {
		binary.LittleEndian.PutUint32(b[66+4*j:], packSigns7((*[4]uint8)(s.signs[4*j:])))
		b[66+4*j+3] |= oddScale(1/d, scale, 15) << 4
	}
}

// packSigns7 packs four times seven signs into 28 bits.
func packSigns7(signs *[4]uint8) (bits uint32) {
	for i, s := range signs {
		bits |= uint32(s&127) << (7 * i)
	}
	return bits
}

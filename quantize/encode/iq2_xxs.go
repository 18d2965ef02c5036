package encode

import "encoding/binary"

// typeIQ2_XXS: 8 sub-blocks of 32 with 7 signs for 8 values; see codebook_type.go. Needs importance; weights are
// importance * sqrt(mean square of the super-block + x^2). Candidates lie around the scale that suits four levels.
var typeIQ2_XXS = codebookType{book: book2XXS, bytes: 66, size: 32, steps: 6, step: 0.1, second: always,
	even: true, four: true, least: tiny, factor: 1, pack: packIQ2_XXS}

func packIQ2_XXS(b []byte, s *codebookBlock) {
	largest := maximum(s.scale[:8])
	if largest == 0 {
		return
	}
	d := largest / 31
	putHalf(b, d)
	for j, scale := range s.scale[:8] {
		for k, p := range s.entry[4*j : 4*j+4] {
			b[2+8*j+k] = uint8(p)
		}
		word := packSigns7((*[4]uint8)(s.signs[4*j:])) | uint32(oddScale(1/d, scale, 15))<<28
		binary.LittleEndian.PutUint32(b[2+8*j+4:], word)
	}
}

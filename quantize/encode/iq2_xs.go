package encode

import "encoding/binary"

// typeIQ2_XS: 16 sub-blocks of 16 with 7 signs for 8 values; see codebook_type.go. Needs importance; weights are
// importance * sqrt(mean square of the super-block + x^2).
var typeIQ2_XS = codebookType{book: book2XS, bytes: 74, size: 16, steps: 9, step: 0.1,
	even: true, least: tiny, factor: 1, pack: packIQ2_XS}

func packIQ2_XS(b []byte, s *codebookBlock) {
	largest := maximum(s.scale[:])
	if largest == 0 {
		return
	}
	d := largest / 31
	putHalf(b, d)
	for k, p := range s.entry[:32] {
		binary.LittleEndian.PutUint16(b[2+2*k:], uint16(p)|uint16(s.signs[k]&127)<<9)
	}
	for j, scale := range s.scale {
		b[66+j/2] |= oddScale(1/d, scale, 15) << (j % 2 * 4)
	}
}

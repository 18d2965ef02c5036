package block

import "encoding/binary"

// IQ2_XS: 256 values in 74 bytes, 2.3125 bits per value; 16 sub-blocks of 16.
//
//	0   2                                    66          74
//	+---+------------------------------------+-----------+
//	| d | 32 words of 16 bits                | s, 8 bytes|
//	+---+------------------------------------+-----------+
//
// Word k holds 8 values from value 8k on: in bits 0..8 the index, in bits 9..15 seven signs (see EvenSigns). Sub-block
// j has s in byte j/2, low half for even j.
//
// value = ± (d * (s + 1/2) / 4) * entry[i], the levels of the 512 entries being 8, 25, 43.
func decodeIQ2_XS(dst []float32, src []byte) {
	entries := values2XS()
	for ; len(dst) >= 256; dst, src = dst[256:], src[74:] {
		b := (*[74]byte)(src)
		d := half(b[:])
		for k := range 32 {
			scale := fourBitScale(d, b[66:], k/2)
			word := binary.LittleEndian.Uint16(b[2+2*k:])
			signed8((*[8]float32)(dst[8*k:]), &entries[word&511], scale, EvenSigns(uint32(word>>9)))
		}
	}
}

// fourBitScale is d * (s + 1/2) / 4 with s the half byte j of scales.
func fourBitScale(d float32, scales []byte, j int) float32 {
	return d * (0.5 + float32(scales[j/2]>>(j%2*4)&15)) * 0.25
}

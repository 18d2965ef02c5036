package block

import "encoding/binary"

// IQ3_XXS: 256 values in 98 bytes, 3.0625 bits per value; 8 sub-blocks of 32.
//
//	0   2                              66                         98
//	+---+------------------------------+--------------------------+
//	| d | 64 indices of 8 bits         | 8 words of 32 bits       |
//	+---+------------------------------+--------------------------+
//
// Index k stands for 4 values from value 4k on. Word j belongs to sub-block j: four times seven signs for 8 values each
// (see EvenSigns), and s in bits 28..31.
//
// value = ± (d * (s + 1/2) / 2) * entry[i], the levels of the 256 entries being 4, 12, 20, 28, 36, 44, 52, 62.
func decodeIQ3_XXS(dst []float32, src []byte) {
	entries := values3XXS()
	for ; len(dst) >= 256; dst, src = dst[256:], src[98:] {
		b := (*[98]byte)(src)
		d := half(b[:])
		for j := range 8 {
			word := binary.LittleEndian.Uint32(b[66+4*j:])
			scale := d * (0.5 + float32(word>>28)) * 0.5
			for k := range 8 {
				signs := EvenSigns(word>>(k/2*7)) >> (k % 2 * 4)
				signed4((*[4]float32)(dst[32*j+4*k:]), &entries[b[2+8*j+k]], scale, signs)
			}
		}
	}
}

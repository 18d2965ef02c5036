package block

import "encoding/binary"

// IQ2_XXS: 256 values in 66 bytes, 2.0625 bits per value; 8 sub-blocks of 32.
//
//	0   2          10                                       66
//	+---+----------+-----+----------------------------------+
//	| d | part 0   |     | ... part 7, 8 bytes each         |
//	+---+----------+-----+----------------------------------+
//
// A part is one sub-block, two 32-bit words: four indices of 8 bits, each for 8 values, then
//
//	bits 0..27   four times seven signs; the eighth makes the number of negative ones even (see EvenSigns)
//	bits 28..31  s
//
// value = ± (d * (s + 1/2) / 4) * entry[i], the levels of the 256 entries being 8, 25, 43.
func decodeIQ2_XXS(dst []float32, src []byte) {
	entries := values2XXS()
	for ; len(dst) >= 256; dst, src = dst[256:], src[66:] {
		b := (*[66]byte)(src)
		d := half(b[:])
		for j := range 8 {
			part := (*[8]byte)(b[2+8*j:])
			word := binary.LittleEndian.Uint32(part[4:])
			scale := d * (0.5 + float32(word>>28)) * 0.25
			for k := range 4 {
				signed8((*[8]float32)(dst[32*j+8*k:]), &entries[part[k]], scale, EvenSigns(word>>(7*k)))
			}
		}
	}
}

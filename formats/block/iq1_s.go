package block

import "encoding/binary"

// IQ1_S: 256 values in 50 bytes, 1.5625 bits per value; 8 sub-blocks of 32.
//
//	0   2                        34                     50
//	+---+------------------------+----------------------+
//	| d | l, 32 bytes            | 8 words of 16 bits   |
//	+---+------------------------+----------------------+
//
// Byte k of l belongs to 8 values from value 8k on. Word j belongs to sub-block j:
//
//	bits 0..11   four times the top 3 bits of an index of 11 bits
//	bits 12..14  s
//	bit 15       the sign of the shift
//
// value = (d * (2s + 1)) * (entry[i] ± 1/8), the levels of the 2048 entries being -1, 0, 1.
func decodeIQ1_S(dst []float32, src []byte) {
	entries := values1()
	for ; len(dst) >= 256; dst, src = dst[256:], src[50:] {
		b := (*[50]byte)(src)
		d := half(b[:])
		for j := range 8 {
			word := binary.LittleEndian.Uint16(b[34+2*j:])
			scale := d * float32(2*uint32(word>>12&7)+1)
			shift := negateIf(Shift1, uint8(word>>15))
			for k := range 4 {
				index := int(b[2+4*j+k]) | int(word>>(3*k)&7)<<8
				shifted8((*[8]float32)(dst[32*j+8*k:]), &entries[index], scale, shift)
			}
		}
	}
}

// Shift1 is how far the three levels of IQ1_S and IQ1_M lie beside -1, 0 and 1, all to the same side.
const Shift1 = 0.125

func shifted8(y *[8]float32, v *[8]int8, scale, shift float32) {
	for i := range y {
		y[i] = scale * (float32(v[i]) + shift)
	}
}

package block

import "encoding/binary"

// IQ1_M: 256 values in 56 bytes, 1.75 bits per value; 16 sub-blocks of 16.
//
//	0                        32                 48                    56
//	+------------------------+------------------+---------------------+
//	| l, 32 bytes            | h, 16 bytes      | 4 words of 16 bits  |
//	+------------------------+------------------+---------------------+
//
// Byte k of l belongs to 8 values from value 8k on. Half byte k of h holds the top 3 bits of its index of 11 bits and,
// above them, the sign of its shift. Word w holds s of sub-blocks 4w to 4w + 3, 3 bits each, and in its top 4 bits a
// quarter of d, a 16-bit float whose lowest bits are in word 0.
//
// value = (d * (2s + 1)) * (entry[i] ± 1/8), the levels of the 2048 entries being -1, 0, 1.
func decodeIQ1_M(dst []float32, src []byte) {
	entries := values1()
	for ; len(dst) >= 256; dst, src = dst[256:], src[56:] {
		b := (*[56]byte)(src)
		var word [4]uint16
		var bits uint16
		for w := range word {
			word[w] = binary.LittleEndian.Uint16(b[48+2*w:])
			bits |= word[w] >> 12 << (4 * w)
		}
		d := FromF16(bits)
		for k := range 32 {
			scale := d * float32(2*uint32(word[k/8]>>(k/2%4*3)&7)+1)
			h := b[32+k/2] >> (k % 2 * 4)
			index := int(b[k]) | int(h&7)<<8
			shifted8((*[8]float32)(dst[8*k:]), &entries[index], scale, negateIf(Shift1, h>>3))
		}
	}
}

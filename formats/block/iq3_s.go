package block

// IQ3_S: 256 values in 110 bytes, 3.4375 bits per value; 8 sub-blocks of 32.
//
//	0   2                    66           74               106       110
//	+---+--------------------+------------+----------------+---------+
//	| d | l, 64 bytes        | h, 8 bytes | 32 sign bytes  | 4 bytes |
//	+---+--------------------+------------+----------------+---------+
//
// Byte k of l belongs to 4 values from value 4k on; the index of 9 bits has its top one in bit k%8 of byte k/8 of h.
// Sign byte i belongs to 8 values. Sub-block j has s in byte j/2 of the last part, low half for even j.
//
// value = ± (d * (2s + 1)) * entry[i], the levels of the 512 entries being 1, 3, 5 ... 15.
func decodeIQ3_S(dst []float32, src []byte) {
	entries := values3S()
	for ; len(dst) >= 256; dst, src = dst[256:], src[110:] {
		b := (*[110]byte)(src)
		d := half(b[:])
		for k := range 64 {
			scale := d * float32(1+2*uint32(b[106+k/16]>>(k/8%2*4)&15))
			index := int(b[2+k]) | int(b[66+k/8]>>(k%8)&1)<<8
			signed4((*[4]float32)(dst[4*k:]), &entries[index], scale, b[74+k/2]>>(k%2*4))
		}
	}
}

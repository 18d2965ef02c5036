package block

// IQ2_S: 256 values in 82 bytes, 2.5625 bits per value; 16 sub-blocks of 16.
//
//	0   2                34               66           74          82
//	+---+----------------+----------------+------------+-----------+
//	| d | l, 32 bytes    | 32 sign bytes  | h, 8 bytes | s, 8 bytes|
//	+---+----------------+----------------+------------+-----------+
//
// Bytes k of l and of the signs belong to 8 values from value 8k on; the index of 10 bits has its top two in byte k/4
// of h, bits 2(k%4) and up. Sub-block j has s in byte j/2, low half for even j.
//
// value = ± (d * (s + 1/2) / 4) * entry[i], the levels of the 1024 entries being 8, 25, 43.
func decodeIQ2_S(dst []float32, src []byte) {
	entries := values2S()
	for ; len(dst) >= 256; dst, src = dst[256:], src[82:] {
		b := (*[82]byte)(src)
		d := half(b[:])
		for k := range 32 {
			scale := fourBitScale(d, b[74:], k/2)
			index := int(b[2+k]) | int(b[66+k/4]>>(k%4*2)&3)<<8
			signed8((*[8]float32)(dst[8*k:]), &entries[index], scale, b[34+k])
		}
	}
}

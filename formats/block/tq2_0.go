package block

// TQ2_0: 256 values of three levels in 66 bytes, 2.0625 bits per value.
//
//	0                                     64  66
//	+-------------------------------------+---+
//	| 64 bytes of four 2-bit levels       | d |
//	+-------------------------------------+---+
//
// Level bytes as in Q2_K: byte 32*h + i holds, from its lowest bits up, the levels of values 128*h + i, + 32, + 64,
// + 96.
// value = (q - 1) * d; q = 3 is not written by encoders.
func decodeTQ2_0(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[66:] {
		b := (*[66]byte)(src)
		d := half(b[64:])
		for sub := range 16 {
			y := (*[16]float32)(dst[16*sub:])
			q, shift := levels2(b[:64], sub)
			for i := range y {
				y[i] = float32(int32(q[i]>>shift&3)-1) * d
			}
		}
	}
}

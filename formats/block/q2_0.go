package block

// Q2_0: 64 values in 18 bytes, 2.25 bits per value.
//
//	0   2                                                   18
//	+---+---------------------------------------------------+
//	| d | 16 bytes of four levels: q[4j] in the lowest bits |
//	+---+---------------------------------------------------+
//
// value[i] = (q[i] - 1) * d: -d, 0, d or 2d (encoders write no 2d)
func decodeQ2_0(dst []float32, src []byte) {
	for ; len(dst) >= 64; dst, src = dst[64:], src[18:] {
		y, b := (*[64]float32)(dst), (*[18]byte)(src)
		d := half(b[:])
		for i := range y {
			y[i] = float32(int32(b[2+i/4]>>(i%4*2)&3)-1) * d
		}
	}
}

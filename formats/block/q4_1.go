package block

// Q4_1: 32 values in 20 bytes, 5 bits per value.
//
//	0   2   4                                        20
//	+---+---+-----------------------------------------+
//	| d | m | 16 bytes: low = q[i], high = q[i+16]    |
//	+---+---+-----------------------------------------+
//
// value[i] = q[i] * d + m
func decodeQ4_1(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[20:] {
		y, b := (*[32]float32)(dst), (*[20]byte)(src)
		d, m := half(b[:]), half(b[2:])
		for i, q := range b[4:] {
			y[i] = float32(float32(int32(q&15))*d) + m
			y[i+16] = float32(float32(int32(q>>4))*d) + m
		}
	}
}

package block

// Q4_0: 32 values in 18 bytes, 4.5 bits per value.
//
//	0   2                                        18
//	+---+-----------------------------------------+
//	| d | 16 bytes: low = q[i], high = q[i+16]    |
//	+---+-----------------------------------------+
//
// value[i] = (q[i] - 8) * d
func decodeQ4_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[18:] {
		y, b := (*[32]float32)(dst), (*[18]byte)(src)
		d := half(b[:])
		for i, q := range b[2:] {
			y[i] = float32(int32(q&15)-8) * d
			y[i+16] = float32(int32(q>>4)-8) * d
		}
	}
}

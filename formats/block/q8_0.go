package block

// Q8_0: 32 values in 34 bytes, 8.5 bits per value.
//
//	0   2                    34
//	+---+---------------------+
//	| d | q, 32 signed bytes  |
//	+---+---------------------+
//
// value[i] = q[i] * d
func decodeQ8_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[34:] {
		y, b := (*[32]float32)(dst), (*[34]byte)(src)
		d := half(b[:])
		for i := range y {
			y[i] = float32(int8(b[2+i])) * d
		}
	}
}

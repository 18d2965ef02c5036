package block

// Q8_1: 32 values in 36 bytes, 9 bits per value. ggml rounds activations to it; files hold none.
//
//	0   2   4                    36
//	+---+---+---------------------+
//	| d | s | q, 32 signed bytes  |
//	+---+---+---------------------+
//
// value[i] = q[i] * d; s is d times the sum of q, as a 16-bit float, which decoding does not need.
func decodeQ8_1(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[36:] {
		y, b := (*[32]float32)(dst), (*[36]byte)(src)
		d := half(b[:])
		for i := range y {
			y[i] = float32(int8(b[4+i])) * d
		}
	}
}

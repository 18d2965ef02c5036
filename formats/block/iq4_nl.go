package block

// IQ4_NL: 32 values in 18 bytes, 4.5 bits per value.
//
//	0   2                                        18
//	+---+-----------------------------------------+
//	| d | 16 bytes: low = q[i], high = q[i+16]    |
//	+---+-----------------------------------------+
//
// value[i] = d * Nonlinear4[q[i]]
func decodeIQ4_NL(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[18:] {
		b := (*[18]byte)(src)
		nonlinear((*[32]float32)(dst), (*[16]byte)(b[2:]), half(b[:]))
	}
}

// Nonlinear4 are the sixteen levels of IQ4_NL and IQ4_XS: denser around zero, where weights are (ggml-common.h).
var Nonlinear4 = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

func nonlinear(y *[32]float32, q *[16]byte, scale float32) {
	for i, v := range q {
		y[i] = scale * float32(Nonlinear4[v&15])
		y[i+16] = scale * float32(Nonlinear4[v>>4])
	}
}

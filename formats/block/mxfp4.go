package block

import "math"

// MXFP4: 32 values in 17 bytes, 4.25 bits per value (OCP Microscaling Formats 1.0: E2M1 values, an E8M0 scale).
//
//	0   1                                        17
//	+---+-----------------------------------------+
//	| e | 16 bytes: low = q[i], high = q[i+16]    |
//	+---+-----------------------------------------+
//
// value[i] = Float4[q[i]] * 2^(e-128): Float4 holds twice the value of the four bits, so that it is whole.
// e = 255 means NaN in the standard; here, as in ggml, it is 2^127 like any other e.
func decodeMXFP4(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[17:] {
		y, b := (*[32]float32)(dst), (*[17]byte)(src)
		d := FromE8M0Half(b[0])
		for i, q := range b[1:] {
			y[i] = float32(Float4[q&15]) * d
			y[i+16] = float32(Float4[q>>4]) * d
		}
	}
}

// Float4 are the values of E2M1 (one sign bit, two of exponent, one of mantissa), doubled.
var Float4 = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// FromE8M0Half is 2^(e-128), half of what a scale byte e stands for: Float4 is doubled. The two smallest are subnormal.
func FromE8M0Half(e uint8) float32 {
	if e < 2 {
		return math.Float32frombits(0x00200000 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}

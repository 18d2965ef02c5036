package block

import "math"

// Q1_0: 128 values in 18 bytes, 1.125 bits per value.
//
//	0   2                               18
//	+---+-------------------------------+
//	| d | 128 bits: bit i%8 of byte i/8 |
//	+---+-------------------------------+
//
// value[i] = d where the bit is set, else -d
func decodeQ1_0(dst []float32, src []byte) {
	for ; len(dst) >= 128; dst, src = dst[128:], src[18:] {
		y, b := (*[128]float32)(dst), (*[18]byte)(src)
		d := math.Float32bits(half(b[:]))
		for i := range y {
			minus := ^b[2+i/8] >> (i % 8) & 1
			y[i] = math.Float32frombits(d ^ uint32(minus)<<31)
		}
	}
}

package block

import "encoding/binary"

// Q5_1: 32 values in 24 bytes, 6 bits per value.
//
//	0   2   4          8                                             24
//	+---+---+----------+----------------------------------------------+
//	| d | m | h, 32 b. | 16 bytes: low = l[i], high = l[i+16]         |
//	+---+---+----------+----------------------------------------------+
//
// q[i] = l[i] + 16 * (bit i of h);  value[i] = q[i] * d + m
func decodeQ5_1(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[24:] {
		y, b := (*[32]float32)(dst), (*[24]byte)(src)
		d, m, h := half(b[:]), half(b[2:]), binary.LittleEndian.Uint32(b[4:])
		for i, q := range b[8:] {
			low := uint32(q&15) | h>>i&1<<4
			high := uint32(q>>4) | h>>(i+16)&1<<4
			y[i] = float32(float32(int32(low))*d) + m
			y[i+16] = float32(float32(int32(high))*d) + m
		}
	}
}

package block

import "encoding/binary"

// Q5_0: 32 values in 22 bytes, 5.5 bits per value.
//
//	0   2          6                                             22
//	+---+----------+----------------------------------------------+
//	| d | h, 32 b. | 16 bytes: low = l[i], high = l[i+16]         |
//	+---+----------+----------------------------------------------+
//
// q[i] = l[i] + 16 * (bit i of h);  value[i] = (q[i] - 16) * d
func decodeQ5_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[22:] {
		y, b := (*[32]float32)(dst), (*[22]byte)(src)
		d, h := half(b[:]), binary.LittleEndian.Uint32(b[2:])
		for i, q := range b[6:] {
			low := uint32(q&15) | h>>i&1<<4
			high := uint32(q>>4) | h>>(i+16)&1<<4
			y[i] = float32(int32(low)-16) * d
			y[i+16] = float32(int32(high)-16) * d
		}
	}
}

package block

import "encoding/binary"

// IQ4_XS: 256 values in 136 bytes, 4.25 bits per value; 8 sub-blocks of 32.
//
//	0   2    4             8                                          136
//	+---+----+-------------+-------------------------------------------+
//	| d | h  | l, 4 bytes  | 128 bytes: per sub-block 16 as in IQ4_NL  |
//	+---+----+-------------+-------------------------------------------+
//
// Scale s[j] of sub-block j has 6 bits: the low four in byte j/2 of l (low half for even j), the top two in bits 2j and
// 2j+1 of the 16-bit word h.  value = (d * (s - 32)) * Nonlinear4[q]
func decodeIQ4_XS(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[136:] {
		b := (*[136]byte)(src)
		d, high := half(b[:]), binary.LittleEndian.Uint16(b[2:])
		for j := range 8 {
			s := int32(b[4+j/2]>>(j%2*4)&15) | int32(high>>(2*j)&3)<<4
			nonlinear((*[32]float32)(dst[32*j:]), (*[16]byte)(b[8+16*j:]), d*float32(s-32))
		}
	}
}

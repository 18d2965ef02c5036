package block

// Q4_K: 256 values in 144 bytes, 4.5 bits per value; 8 sub-blocks of 32.
//
//	0   2      4                        16                                  144
//	+---+------+------------------------+------------------------------------+
//	| d | dmin | 8 + 8 6-bit: s and t   | 128 bytes of two levels            |
//	+---+------+------------------------+------------------------------------+
//
// Level bytes: byte 32*p + i holds q of value 64*p + i (low) and of value 64*p + 32 + i (high).
// value = (d * s) * q - (dmin * t), s and t of the value's sub-block (see ScalesMins).
func decodeQ4_K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[144:] {
		b := (*[144]byte)(src)
		d, dmin := half(b[:]), half(b[2:])
		s, t := ScalesMins((*[12]byte)(b[4:]))
		for pair := range 4 {
			y, q := (*[64]float32)(dst[64*pair:]), (*[32]byte)(b[16+32*pair:])
			scale0, low0 := d*float32(int32(s[2*pair])), float32(dmin*float32(int32(t[2*pair])))
			scale1, low1 := d*float32(int32(s[2*pair+1])), float32(dmin*float32(int32(t[2*pair+1])))
			for i, v := range q {
				y[i] = float32(scale0*float32(int32(v&15))) - low0
				y[i+32] = float32(scale1*float32(int32(v>>4))) - low1
			}
		}
	}
}

// ScalesMins unpacks the eight scales s and eight minima t, 6 bits each, of a Q4_K or Q5_K block:
//
//	bytes 0..3   s[j], and in the top 2 bits the top 2 bits of s[j+4]
//	bytes 4..7   t[j], and in the top 2 bits the top 2 bits of t[j+4]
//	bytes 8..11  low 4 bits of s[j+4] (low) and of t[j+4] (high)
func ScalesMins(b *[12]byte) (s, t [8]byte) {
	for j := range 4 {
		s[j] = b[j] & 63
		t[j] = b[j+4] & 63
		s[j+4] = b[j+8]&15 | b[j]>>6<<4
		t[j+4] = b[j+8]>>4 | b[j+4]>>6<<4
	}
	return s, t
}

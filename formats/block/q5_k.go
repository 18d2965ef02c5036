package block

// Q5_K: 256 values in 176 bytes, 5.5 bits per value; 8 sub-blocks of 32.
//
//	0   2      4                      16              48                       176
//	+---+------+----------------------+---------------+-------------------------+
//	| d | dmin | 8 + 8 6-bit: s and t | h, 32 bytes   | 128 bytes of two levels |
//	+---+------+----------------------+---------------+-------------------------+
//
// Scales and level bytes as in Q4_K; bit k of h[i] is the fifth bit of value 32*k + i: q = level + 16 * bit.
// value = (d * s) * q - (dmin * t)
func decodeQ5_K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[176:] {
		b := (*[176]byte)(src)
		d, dmin := half(b[:]), half(b[2:])
		s, t := ScalesMins((*[12]byte)(b[4:]))
		h := (*[32]byte)(b[16:])
		for pair := range 4 {
			y, q := (*[64]float32)(dst[64*pair:]), (*[32]byte)(b[48+32*pair:])
			scale0, low0 := d*float32(int32(s[2*pair])), float32(dmin*float32(int32(t[2*pair])))
			scale1, low1 := d*float32(int32(s[2*pair+1])), float32(dmin*float32(int32(t[2*pair+1])))
			for i, v := range q {
				fifth := h[i] >> (2 * uint(pair))
				y[i] = float32(scale0*float32(int32(v&15|fifth&1<<4))) - low0
				y[i+32] = float32(scale1*float32(int32(v>>4|fifth>>1&1<<4))) - low1
			}
		}
	}
}

package block

// Q3_K: 256 values in 110 bytes, 3.4375 bits per value; 16 sub-blocks of 16.
//
//	0                 32                              96             108 110
//	+-----------------+-------------------------------+---------------+---+
//	| h, 32 bytes     | 64 bytes of four 2-bit levels | 16 6-bit s    | d |
//	+-----------------+-------------------------------+---------------+---+
//
// Bit k of h[i] belongs to value 32*k + i; level bytes as in Q2_K: q = level + 4 * bit - 4, from -4 to 3.
// Scales: bytes 0..7 hold the low 4 bits of s[j] (low) and s[j+8] (high); bytes 8..11 the top 2 bits of s[j], s[j+4],
// s[j+8], s[j+12] from the lowest bits up.  value = (d * (s - 32)) * q
func decodeQ3_K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[110:] {
		b := (*[110]byte)(src)
		scales := Scales3((*[12]byte)(b[96:]))
		d := half(b[108:])
		for sub := range 16 {
			y := (*[16]float32)(dst[16*sub:])
			q, shift := levels2(b[32:96], sub)
			h, bit := (*[16]byte)(b[sub%2*16:]), uint(sub/2)
			scale := d * float32(int32(scales[sub]))
			for i := range y {
				level := int32(q[i]>>shift&3) + int32(h[i]>>bit&1<<2) - 4
				y[i] = scale * float32(level)
			}
		}
	}
}

// Scales3 unpacks the sixteen signed scales (-32..31) of a Q3_K block.
func Scales3(b *[12]byte) (s [16]int8) {
	for j := range 8 {
		s[j] = int8(b[j] & 15)
		s[j+8] = int8(b[j] >> 4)
	}
	for j := range s {
		s[j] |= int8(b[8+j%4] >> (j / 4 * 2) & 3 << 4)
		s[j] -= 32
	}
	return s
}

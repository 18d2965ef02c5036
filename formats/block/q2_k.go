package block

// Q2_K: 256 values in 84 bytes, 2.625 bits per value; 16 sub-blocks of 16.
//
//	0                    16                                    80  82     84
//	+--------------------+--------------------------------------+---+------+
//	| 16 bytes: low = s, | 64 bytes of four 2-bit levels        | d | dmin |
//	| high = t           |                                      |   |      |
//	+--------------------+--------------------------------------+---+------+
//
// Level bytes: byte 32*h + i holds, from its lowest bits up, the levels of values 128*h + i, + 32, + 64, + 96.
// value = (d * s) * q - (dmin * t), s and t of the value's sub-block.
func decodeQ2_K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[84:] {
		b := (*[84]byte)(src)
		d, dmin := half(b[80:]), half(b[82:])
		for sub := range 16 {
			y := (*[16]float32)(dst[16*sub:])
			q, shift := levels2(b[16:80], sub)
			scale := d * float32(int32(b[sub]&15))
			low := float32(dmin * float32(int32(b[sub]>>4)))
			for i := range y {
				y[i] = float32(scale*float32(int32(q[i]>>shift&3))) - low
			}
		}
	}
}

// levels2 finds the 2-bit levels of sub-block sub (of 16 values) in a 64-byte field: sixteen bytes and the shift that
// brings the level to the lowest bits.
func levels2(field []byte, sub int) (q *[16]byte, shift uint) {
	return (*[16]byte)(field[sub/8*32+sub%2*16:]), uint(sub / 2 % 4 * 2)
}

package block

// TQ1_0: 256 values of three levels in 54 bytes, 1.6875 bits per value.
//
//	0                     32            48       52  54
//	+---------------------+-------------+--------+---+
//	| 32 bytes of 5 trits | 16 of 5     | 4 of 4 | d |
//	+---------------------+-------------+--------+---+
//
// With t[0]..t[4] the trits (0, 1, 2) of a byte, the byte is the fraction 0.t[0]t[1]t[2]t[3]t[4] in base 3, times 256
// and rounded up; so t[n] is what passes the binary point when the byte, multiplied by 3^n, is multiplied by 3 once more.
// Byte j of the three parts holds values j + 32n, 160 + j + 16n, and 240 + j + 4n (n < 4).
//
// value = (t - 1) * d
func decodeTQ1_0(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[54:] {
		y, b := (*[256]float32)(dst), (*[54]byte)(src)
		d := half(b[52:])
		trits(y[:160], b[:32], d)
		trits(y[160:240], b[32:48], d)
		trits(y[240:], b[48:52], d)
	}
}

// trits writes trit n of byte j to y[n*len(b)+j], for as many n as y has room.
func trits(y []float32, b []byte, d float32) {
	power := uint8(1)
	for ; len(y) > 0; y = y[len(b):] {
		for j, v := range b {
			t := uint32(v*power) * 3 >> 8 // v*power drops what has passed the point
			y[j] = float32(int32(t)-1) * d
		}
		power *= 3
	}
}

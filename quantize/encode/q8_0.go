package encode

// encodeQ8_0: d = largest magnitude / 127, q = x/d rounded, ties away from zero.
func encodeQ8_0(dst []byte, row, _ []float32) {
	for ; len(row) >= 32; dst, row = dst[34:], row[32:] {
		x, b := (*[32]float32)(row), (*[34]byte)(dst)
		_, magnitude := largest(x[:])
		d := magnitude / 127
		inverse := invert(d)
		putHalf(b[:], d)
		for i, v := range x {
			b[2+i] = byte(roundHalfAway(v * inverse))
		}
	}
}

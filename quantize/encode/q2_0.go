package encode

// encodeQ2_0: x ~ d * (q - 1) with d the largest magnitude; the fourth level, 2d, stays unused. Importance plays no
// part.
func encodeQ2_0(dst []byte, row, _ []float32) {
	for at := 0; at < len(row); at += 64 {
		x, b := (*[64]float32)(row[at:]), (*[18]byte)(dst[at/64*18:])
		_, d := largest(x[:])
		inverse := invert(d)
		putHalf(b[:], d)
		clear(b[2:])
		for i, v := range x {
			q := max(0, min(3, roundHalfAway(v*inverse)+1))
			b[2+i/4] |= uint8(q) << (i % 4 * 2)
		}
	}
}

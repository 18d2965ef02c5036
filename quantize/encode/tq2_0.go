package encode

// encodeTQ2_0: see ternary.go.
func encodeTQ2_0(dst []byte, row, _ []float32) {
	var t [256]uint8
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[66]byte)(dst[at/256*66:])
		putHalf(b[64:], ternary(&t, x))
		pack2(b[:], &t)
	}
}

package encode

// encodeQ4_0: x ~ d * (q - 8); see legacy.go.
func encodeQ4_0(dst []byte, row, importance []float32) {
	var variance float32
	if importance != nil {
		variance = rowVariance(row)
	}
	var q [32]uint8
	for at := 0; at < len(row); at += 32 {
		x, b := (*[32]float32)(row[at:]), (*[18]byte)(dst[at/32*18:])
		var d float32
		if importance == nil {
			d = plainSymmetric(&q, x, 8)
		} else {
			d = weightedSymmetric(&q, x, importance[at:], variance, 8)
		}
		putHalf(b[:], d)
		packNibbles(b[2:], &q)
	}
}

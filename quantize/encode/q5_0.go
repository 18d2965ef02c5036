package encode

// encodeQ5_0: x ~ d * (q - 16); see legacy.go.
func encodeQ5_0(dst []byte, row, importance []float32) {
	var variance float32
	if importance != nil {
		variance = rowVariance(row)
	}
	var q [32]uint8
	for at := 0; at < len(row); at += 32 {
		x, b := (*[32]float32)(row[at:]), (*[22]byte)(dst[at/32*22:])
		var d float32
		if importance == nil {
			d = plainSymmetric(&q, x, 16)
		} else {
			d = weightedSymmetric(&q, x, importance[at:], variance, 16)
		}
		putHalf(b[:], d)
		packFifth(b[2:], &q)
		packNibbles(b[6:], &q)
	}
}

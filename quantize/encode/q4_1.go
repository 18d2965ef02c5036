package encode

// encodeQ4_1: x ~ d * q + m; see legacy.go.
func encodeQ4_1(dst []byte, row, importance []float32) {
	var variance float32
	if importance != nil {
		variance = rowVariance(row)
	}
	var q [32]uint8
	for at := 0; at < len(row); at += 32 {
		x, b := (*[32]float32)(row[at:]), (*[20]byte)(dst[at/32*20:])
		var d, m float32
		if importance == nil {
			d, m = plainAffine(&q, x, 15)
		} else {
			d, m = weightedAffine(&q, x, importance[at:], variance, 15)
		}
		putHalf(b[:], d)
		putHalf(b[2:], m)
		packNibbles(b[4:], &q)
	}
}

package encode

// encodeQ5_1: x ~ d * q + m; see legacy.go.
func encodeQ5_1(dst []byte, row, importance []float32) {
	var variance float32
	if importance != nil {
		variance = rowVariance(row)
	}
	var q [32]uint8
	for at := 0; at < len(row); at += 32 {
		x, b := (*[32]float32)(row[at:]), (*[24]byte)(dst[at/32*24:])
		var d, m float32
		if importance == nil {
			d, m = plainAffine(&q, x, 31)
		} else {
			d, m = weightedAffine(&q, x, importance[at:], variance, 31)
		}
		putHalf(b[:], d)
		putHalf(b[2:], m)
		packFifth(b[4:], &q)
		packNibbles(b[8:], &q)
	}
}

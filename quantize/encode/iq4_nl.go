package encode

// encodeIQ4_NL: x ~ d * Uneven4[q]; see uneven.go.
func encodeIQ4_NL(dst []byte, row, importance []float32) {
	var w [32]float32
	for at := 0; at < len(row); at += 32 {
		x, b := (*[32]float32)(row[at:]), (*[18]byte)(dst[at/32*18:])
		unevenWeights(&w, x, columns(importance, at), float32(sumSquares(x[:])*(2./32)))
		d := searchUneven(x, &w)
		putHalf(b[:], d)
		packUneven(b[2:], x, invert(d))
	}
}

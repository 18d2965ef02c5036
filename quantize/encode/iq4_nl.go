package encode

// encodeIQ4_NL: x ~ d * block.Nonlinear4[q]; see nonlinear.go.
func encodeIQ4_NL(dst []byte, row, importance []float32) {
	var w [32]float32
	for at := 0; at < len(row); at += 32 {
		x, b := (*[32]float32)(row[at:]), (*[18]byte)(dst[at/32*18:])
		nonlinearWeights(&w, x, columns(importance, at), float32(sumSquares(x[:])*(2./32)))
		d := searchNonlinear(x, &w)
		putHalf(b[:], d)
		packNonlinear(b[2:], x, invert(d))
	}
}

package encode

// encodeQ4_K: 8 sub-blocks of 32, x ~ d*s * q - dmin*t with q in 0..15, s and t in 0..63; see fit45.
func encodeQ4_K(dst []byte, row, importance []float32) {
	var q [256]uint8
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[144]byte)(dst[at/256*144:])
		fit45((*[16]byte)(b[:]), &q, x, columns(importance, at), 15, stepRange{-1, 0.1, 20})
		pack4(b[16:], &q)
	}
}

// columns is importance from column at on, nil for nil.
func columns(importance []float32, at int) []float32 {
	if importance == nil {
		return nil
	}
	return importance[at:]
}

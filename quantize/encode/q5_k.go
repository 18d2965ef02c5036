package encode

// encodeQ5_K: 8 sub-blocks of 32, x ~ d*s * q - dmin*t with q in 0..31, s and t in 0..63; see fit45.
func encodeQ5_K(dst []byte, row, importance []float32) {
	var q [256]uint8
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[176]byte)(dst[at/256*176:])
		fit45((*[16]byte)(b[:]), &q, x, columns(importance, at), 31, stepRange{-0.5, 0.1, 15})
		packBit(b[16:], &q, 4)
		pack4(b[48:], &q)
	}
}

package encode

// typeQ5_1: x ~ d * q + m; see legacy.go.
var typeQ5_1 = legacyType{bytes: 24, top: 31, pack: packQ5_1}

func packQ5_1(dst []byte, d, m float32, q *[32]uint8) {
	b := (*[24]byte)(dst)
	putHalf(b[:], d)
	putHalf(b[2:], m)
	packFifth(b[4:], q)
	packNibbles(b[8:], q)
}

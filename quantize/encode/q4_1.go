package encode

// typeQ4_1: x ~ d * q + m; see legacy.go.
var typeQ4_1 = legacyType{bytes: 20, top: 15, pack: packQ4_1}

func packQ4_1(dst []byte, d, m float32, q *[32]uint8) {
	b := (*[20]byte)(dst)
	putHalf(b[:], d)
	putHalf(b[2:], m)
	packNibbles(b[4:], q)
}

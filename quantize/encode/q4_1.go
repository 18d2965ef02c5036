package encode

// typeQ4_1: x ~ d * q + m; see legacy.go.
var typeQ4_1 = legacyType{bytes: 20, top: 15, pack: packQ4_1}

func packQ4_1(b []byte, d, m float32, q *[32]uint8) {
	putHalf(b, d)
	putHalf(b[2:], m)
	packNibbles(b[4:], q)
}

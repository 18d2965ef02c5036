package encode

// typeQ5_0: x ~ d * (q - 16); see legacy.go.
var typeQ5_0 = legacyType{bytes: 22, half: 16, pack: packQ5_0}

func packQ5_0(b []byte, d, _ float32, q *[32]uint8) {
	putHalf(b, d)
	packFifth(b[2:], q)
	packNibbles(b[6:], q)
}

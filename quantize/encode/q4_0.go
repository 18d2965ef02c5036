package encode

// typeQ4_0: x ~ d * (q - 8); see legacy.go.
var typeQ4_0 = legacyType{bytes: 18, half: 8, pack: packQ4_0}

func packQ4_0(dst []byte, d, _ float32, q *[32]uint8) {
	b := (*[18]byte)(dst)
	putHalf(b[:], d)
	packNibbles(b[2:], q)
}

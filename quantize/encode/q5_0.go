package encode

// typeQ5_0: x ~ d * (q - 16); see legacy.go.
var typeQ5_0 = legacyType{bytes: 22, half: 16, pack: packQ5_0}

func packQ5_0(dst []byte, d, _ float32, q *[32]uint8) {
	b := (*[22]byte)(dst)
	putHalf(b[:], d)
	packFifth(b[2:], q)
	packNibbles(b[6:], q)
}

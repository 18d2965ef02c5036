package encode

// encodeTQ1_0: see ternary.go.
func encodeTQ1_0(dst []byte, row, _ []float32) {
	var t [256]uint8
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[54]byte)(dst[at/256*54:])
		putHalf(b[52:], ternary(&t, x))
		packTQ1_0(b, &t)
	}
}

func packTQ1_0(b *[54]byte, t *[256]uint8) {
	packTrits(b[:32], t[:160])
	packTrits(b[32:48], t[160:240])
	packTrits(b[48:52], t[240:])
}

// packTrits packs value n*len(b)+j as trit n of byte j (see block's drawing of TQ1_0): the number with five trits,
// missing ones 0, becomes a fraction of 243, in units of 1/256, rounded up.
func packTrits(b []byte, t []uint8) {
	for j := range b {
		number := uint32(0)
		for n := range 5 {
			number *= 3
			if at := n*len(b) + j; at < len(t) {
				number += uint32(t[at])
			}
		}
		b[j] = uint8((number*256 + 242) / 243)
	}
}

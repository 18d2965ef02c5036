package encode

import "encoding/binary"

// encodeIQ4_XS: 8 sub-blocks of 32, x ~ d*s * block.Nonlinear4[q] with s in -32..31; the scale of largest magnitude
// becomes s = -32. See nonlinear.go.
func encodeIQ4_XS(dst []byte, row, importance []float32) {
	var w [32]float32
	var scales [8]float32
	for at := 0; at < len(row); at += 256 {
		x := (*[256]float32)(row[at:])
		variance := float32(sumSquares(x[:]) * (2. / 256))
		for j := range scales {
			sub := (*[32]float32)(x[32*j:])
			nonlinearWeights(&w, sub, columns(importance, at+32*j), variance)
			scales[j] = searchNonlinear(sub, &w)
		}
		packIQ4_XS(dst[at/256*136:][:136], x, &scales)
	}
}

// packIQ4_XS chooses the scales' levels and those of the values.
func packIQ4_XS(b []byte, x *[256]float32, scales *[8]float32) {
	extreme, _ := largest(scales[:])
	d := -extreme / 32
	putHalf(b, d) // the levels are chosen for d before it is rounded
	inverse := invert(d)
	var high uint16
	clear(b[4:8])
	for j, scale := range scales {
		s := max(-32, min(31, nearest(inverse*scale)))
		packNonlinear(b[8+16*j:], (*[32]float32)(x[32*j:]), invert(d*float32(s)))
		s += 32
		b[4+j/2] |= uint8(s&15) << (j % 2 * 4)
		high |= uint16(s>>4) << (2 * j)
	}
	binary.LittleEndian.PutUint16(b[2:], high)
}

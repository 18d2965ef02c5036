package encode

// encodeIQ2_S: 16 sub-blocks of 16 with 8 signs for 8 values; see lattice.go. With v twice the mean square of the
// super-block, weights are v/4 + x^2, or with importance importance * sqrt(v + x^2). Sub-blocks below 1e-8 count as zero.
func encodeIQ2_S(dst []byte, row, importance []float32) {
	f := latticeFit{book: book2S()}
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[82]byte)(dst[at/256*82:])
		variance := float32(2 * sumSquares(x[:]) / 256)
		var scales [16]float32
		clear(b[:])
		for j := range scales {
			sub := x[16*j : 16*j+16]
			if importance != nil {
				emphasize(f.w[:16], importance[at+16*j:], sub, variance)
			} else {
				for i, v := range sub {
					f.w[i] = float32(0.25*variance) + float32(v*v)
				}
			}
			f.load(sub)
			largest := maximum(f.x[:16])
			if largest < 1e-8 {
				continue
			}
			f.roots(16)
			f.scale = largest / 5
			f.search(&searchIQ2, largest)
			for k, p := range f.point[:2] {
				at := 2*j + k
				b[2+at] = uint8(p)
				b[34+at] = f.signs[k]
				b[66+at/4] |= uint8(p>>8) << (at % 4 * 2)
			}
			scales[j] = f.scale
		}
		largest := maximum(scales[:])
		if largest == 0 {
			continue
		}
		d := largest / 31
		putHalf(b[:], d*0.9875) // the factor is ggml's: it lowers the error a little
		for j, scale := range scales {
			b[74+j/2] |= oddScale(1/d, scale, 15) << (j % 2 * 4)
		}
	}
}

package encode

var searchIQ3_S = latticeSearch{size: 32, steps: 9, step: 0.2, second: allIfNear}

// encodeIQ3_S: 8 sub-blocks of 32 with 8 signs for 8 values; see lattice.go. Weights are x^2, or with importance
// importance * sqrt(2 * mean square of the super-block + x^2).
//
// ggml (2026) does not leave room for a sub-block of nothing but zeros: the low index bytes and the signs of those after
// it move up by one place, while their high bits and scales stay, so that such a super-block decodes to other values.
// Equal bytes need the same here. Weights that were not pruned have no such sub-blocks.
func encodeIQ3_S(dst []byte, row, importance []float32) {
	f := latticeFit{book: book3S()}
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[110]byte)(dst[at/256*110:])
		variance := float32(2 * sumSquares(x[:]) / 256)
		var scales [8]float32
		place := 0
		clear(b[:])
		for j := range scales {
			sub := (*[32]float32)(x[32*j:])
			if importance != nil {
				emphasize(f.w[:], importance[at+32*j:], sub[:], variance)
			} else {
				squares(f.w[:], sub[:])
			}
			f.load(sub[:])
			largest := maximum(f.x[:])
			if largest == 0 {
				continue
			}
			f.scale = largest / 15
			f.roots(32)
			f.search(&searchIQ3_S, largest)
			for k, p := range f.point {
				b[2+8*place+k] = uint8(p)
				b[66+j] |= uint8(p>>8) << k
			}
			copy(b[74+4*place:], f.signs[:])
			place++
			scales[j] = f.scale
		}
		largest := maximum(scales[:])
		if largest == 0 {
			continue
		}
		d := largest / 31
		putHalf(b[:], d*1.033) // the factor is ggml's: it lowers the error a little
		for j, scale := range scales {
			b[106+j/2] |= oddScale(1/d, scale, 15) << (j % 2 * 4)
		}
	}
}

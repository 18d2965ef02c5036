package encode

import "encoding/binary"

var searchIQ3_XXS = latticeSearch{size: 32, steps: 15, step: 0.2}

// encodeIQ3_XXS: 8 sub-blocks of 32 with 7 signs for 8 values; see lattice.go. Weights are x^2, or with importance
// importance * sqrt(2 * mean square of the super-block + x^2). Sub-blocks below 1e-8 count as zero.
func encodeIQ3_XXS(dst []byte, row, importance []float32) {
	f := latticeFit{book: book3XXS()}
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[98]byte)(dst[at/256*98:])
		variance := float32(2 * sumSquares(x[:]) / 256)
		var scales [8]float32
		clear(b[:])
		for j := range scales {
			sub := x[32*j : 32*j+32]
			if importance != nil {
				emphasize(f.w[:], importance[at+32*j:], sub, variance)
			} else {
				squares(f.w[:], sub)
			}
			f.loadEven(sub)
			largest := maximum(f.x[:])
			if largest < 1e-8 {
				continue
			}
			f.roots(32)
			f.scale = largest / 15
			f.search(&searchIQ3_XXS, largest)
			for k, p := range f.point {
				b[2+8*j+k] = uint8(p)
			}
			binary.LittleEndian.PutUint32(b[66+4*j:], packSigns7(&f.signs))
			scales[j] = f.scale
		}
		largest := maximum(scales[:])
		if largest == 0 {
			clear(b[:])
			continue
		}
		d := largest / 31
		putHalf(b[:], d*1.0125) // the factor is ggml's: it lowers the error a little
		for j, scale := range scales {
			b[66+4*j+3] |= oddScale(1/d, scale, 15) << 4
		}
	}
}

// packSigns7 packs four times seven signs into 28 bits.
func packSigns7(signs *[4]uint8) (bits uint32) {
	for i, s := range signs {
		bits |= uint32(s&127) << (7 * i)
	}
	return bits
}

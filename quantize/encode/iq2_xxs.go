package encode

import "encoding/binary"

var searchIQ2_XXS = latticeSearch{size: 32, steps: 6, step: 0.1, second: always}

// encodeIQ2_XXS: 8 sub-blocks of 32 with 7 signs for 8 values; see lattice.go. Needs importance; weights are
// importance * sqrt(mean square of the super-block + x^2). Candidates lie around the scale that suits four levels.
func encodeIQ2_XXS(dst []byte, row, importance []float32) {
	f := latticeFit{book: book2XXS()}
	var q [32]uint8
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[66]byte)(dst[at/256*66:])
		variance := float32(sumSquares(x[:]) / 256)
		var scales [8]float32
		var words [8]uint32
		clear(b[:])
		for j := range scales {
			sub := x[32*j : 32*j+32]
			emphasize(f.w[:], importance[at+32*j:], sub, variance)
			f.loadEven(sub)
			if maximum(f.x[:]) < tiny {
				continue
			}
			f.scale = searchPositive(q[:], f.x[:], f.w[:], 4)
			if !(f.scale > 0) {
				continue
			}
			f.roots(32)
			f.search(&searchIQ2_XXS, f.scale*3)
			for k, p := range f.point[:4] {
				b[2+8*j+k] = uint8(p)
			}
			words[j] = packSigns7(&f.signs)
			scales[j] = f.scale
		}
		largest := maximum(scales[:])
		if largest == 0 {
			clear(b[:])
			continue
		}
		d := largest / 31
		putHalf(b[:], d)
		for j, scale := range scales {
			words[j] |= uint32(oddScale(1/d, scale, 15)) << 28
			binary.LittleEndian.PutUint32(b[2+8*j+4:], words[j])
		}
	}
}

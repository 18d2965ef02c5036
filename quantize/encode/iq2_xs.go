package encode

import "encoding/binary"

var searchIQ2 = latticeSearch{size: 16, steps: 9, step: 0.1}

// encodeIQ2_XS: 16 sub-blocks of 16 with 7 signs for 8 values; see lattice.go. Needs importance; weights are
// importance * sqrt(mean square of the super-block + x^2).
func encodeIQ2_XS(dst []byte, row, importance []float32) {
	f := latticeFit{book: book2XS()}
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[74]byte)(dst[at/256*74:])
		variance := float32(sumSquares(x[:]) / 256)
		var scales [16]float32
		clear(b[:])
		for j := range scales {
			sub := x[16*j : 16*j+16]
			emphasize(f.w[:16], importance[at+16*j:], sub, variance)
			f.loadEven(sub)
			largest := maximum(f.x[:16])
			if largest < tiny {
				continue
			}
			f.roots(16)
			f.scale = largest / 5
			f.search(&searchIQ2, largest)
			for k, p := range f.point[:2] {
				binary.LittleEndian.PutUint16(b[2+4*j+2*k:], uint16(p)|uint16(f.signs[k]&127)<<9)
			}
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
			b[66+j/2] |= oddScale(1/d, scale, 15) << (j % 2 * 4)
		}
	}
}

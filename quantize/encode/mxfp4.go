package encode

import (
	"math"

	"bitmill/formats/block"
)

// encodeMXFP4: x ~ Float4[q] * 2^(e-128), e = floor(log2 max|x|) + 125, so that the largest magnitude lies between 4
// and 8 (levels go up to 6). Importance plays no part. Below 2^-125 e wraps around, as in ggml.
func encodeMXFP4(dst []byte, row, _ []float32) {
	for at := 0; at < len(row); at += 32 {
		x, b := (*[32]float32)(row[at:]), (*[17]byte)(dst[at/32*17:])
		_, magnitude := largest(x[:])
		b[0] = e8m0(magnitude)
		d := block.FromE8M0Half(b[0])
		q := b[1:]
		for i := range q {
			q[i] = nearestFloat4(x[i], d) | nearestFloat4(x[i+16], d)<<4
		}
	}
}

// e8m0 is the scale byte for a largest magnitude.
func e8m0(magnitude float32) uint8 {
	bits := math.Float32bits(magnitude)
	exponent, fraction := bits>>23, bits&0x7fffff
	if exponent > 0 && fraction < 0x7fff00 {
		return uint8(exponent - 2)
	}
	if !(magnitude > 0) {
		return 0
	}
	// float32: just below a power of two the logarithm rounds up to it.
	log := math.Floor(float64(float32(math.Log2(float64(magnitude)))))
	return uint8(truncate(float32(log) - 2 + 127))
}

// nearestFloat4 returns the first q for which |Float4[q]*d - x| is smallest.
func nearestFloat4(x, d float32) uint8 {
	// Up to a little above the largest level, the nearest one is the number of middles, times d, below the magnitude.
	// The products are exact, and so are the differences near a middle, so this is the same as comparing the
	// differences.
	magnitude := math.Float32bits(x) &^ (1 << 31)
	if limit := math.Float32bits(16 * d); magnitude > limit || limit >= 0x7f800000 {
		return firstNearestFloat4(x, d)
	}
	var q uint32
	for _, m := range middles4 {
		q += (math.Float32bits(m*d) - magnitude) >> 31
	}
	if x < 0 && q > 0 {
		q |= 8
	}
	return uint8(q)
}

// middles4 are halfway between the magnitudes of block.Float4.
var middles4 = [7]float32{0.5, 1.5, 2.5, 3.5, 5, 7, 10}

// firstNearestFloat4 is nearestFloat4 by its definition, for scales of zero, levels that overflow, and magnitudes so
// far beyond the largest level that differences are rounded alike.
func firstNearestFloat4(x, d float32) uint8 {
	var best uint8
	bestError := abs32(float32(float32(block.Float4[0])*d) - x)
	for q := uint8(1); q < 16; q++ {
		if e := abs32(float32(float32(block.Float4[q])*d) - x); e < bestError {
			best, bestError = q, e
		}
	}
	return best
}

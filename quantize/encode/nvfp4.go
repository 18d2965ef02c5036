package encode

import (
	"math"

	"bitmill/formats/block"
)

// encodeNVFP4: 4 sub-blocks of 16, x ~ Float4[q] * s/2 with s = max|x| / 6, the largest level, as UE4M3. Importance
// plays no part; there is no scale for the whole tensor. llama-quantize has no format with this type, but takes it as
// an override.
func encodeNVFP4(dst []byte, row, _ []float32) {
	for at := 0; at < len(row); at += 64 {
		b := (*[36]byte)(dst[at/64*36:])
		for j := range 4 {
			b[j] = encodeNVFP4Part((*[8]byte)(b[4+8*j:]), (*[16]float32)(row[at+16*j:]))
		}
	}
}

// encodeNVFP4Part returns the scale of a sub-block.
func encodeNVFP4Part(q *[8]byte, x *[16]float32) (scale uint8) {
	_, magnitude := largest(x[:])
	scale = ue4m3(magnitude / 6)
	d := block.FromUE4M3Half(scale)
	for i := range q {
		q[i] = nearestFloat4(x[i], d) | nearestFloat4(x[i+8], d)<<4
	}
	return scale
}

// ue4m3 rounds v >= 0 to four bits of exponent (bias 7) and three of mantissa: nearest, halves up.
func ue4m3(v float32) uint8 {
	if !(v > 0) {
		return 0
	}
	if v > 448 {
		v = 448
	}
	b := math.Float32bits(v)
	exponent := int32(b>>23) - 127 + 7
	if exponent <= 0 { // subnormal: a multiple of 2^-9; what would round to the smallest normal number stays below
		return uint8(min(7, truncate(float32(v*512)+0.5)))
	}
	if exponent == 15 { // 256 and more become 448, as in ggml
		return 0x7e
	}
	rounded := uint32(exponent)<<3 + (b>>20&7 + b>>19&1)
	if rounded >= 15<<3 {
		return 0x7e
	}
	return uint8(rounded)
}

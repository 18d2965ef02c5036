package encode

import "encoding/binary"

// encodeQ6_K: 16 sub-blocks of 16, x ~ d*s * q with q in -32..31, s in -128..127. Weights are the importance itself, or
// x^2 without it; the scale of largest magnitude becomes s = -128.
func encodeQ6_K(dst []byte, row, importance []float32) {
	var q [256]uint8
	var w, scales [16]float32
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[210]byte)(dst[at/256*210:])
		for j := range scales {
			sub := (*[16]float32)(x[16*j:])
			if importance != nil {
				w = [16]float32(importance[at+16*j:])
			} else {
				for i, v := range sub {
					w[i] = v * v
				}
			}
			f := searchSymmetric(sub[:], w[:], 32)
			f.levels(q[16*j:16*j+16], sub[:], 32)
			scales[j] = f.scale
		}
		if !headQ6_K(b, scales[:]) {
			continue
		}
		for j, scale := range scales {
			requantizeSigned(q[16*j:16*j+16], x[16*j:], scale, 32)
		}
		packQ6_K(b, &q)
	}
}

// headQ6_K writes d and s for the scales of a super-block, and turns the scales into what a reader will see. It reports
// false for a super-block of zeros, which it clears: there is nothing to pack.
func headQ6_K(b *[210]byte, scales []float32) bool {
	extreme, magnitude := largest(scales)
	if magnitude < tiny {
		clear(b[:])
		return false
	}
	inverse := -128 / extreme
	d := putHalf(b[208:], 1/inverse)
	for j, v := range scales {
		s := int8(min(127, nearest(inverse*v)))
		b[192+j] = byte(s)
		scales[j] = d * float32(int32(s))
	}
	return true
}

// packQ6_K writes the low 4 bits and the upper 2 bits of the levels; the drawing is at block's Q6_K.
func packQ6_K(b *[210]byte, q *[256]uint8) {
	for h := range 2 {
		v, low, high := (*[128]uint8)(q[128*h:]), (*[64]byte)(b[64*h:]), (*[32]byte)(b[128+32*h:])
		for i := 0; i < 32; i += 8 {
			v0, v1, v2, v3 := word(v[i:]), word(v[i+32:]), word(v[i+64:]), word(v[i+96:])
			binary.LittleEndian.PutUint64(low[i:], v0&eachByteF|v2&eachByteF<<4)
			binary.LittleEndian.PutUint64(low[i+32:], v1&eachByteF|v3&eachByteF<<4)
			binary.LittleEndian.PutUint64(high[i:], v0>>4&eachByte3|v1>>4&eachByte3<<2|
				v2>>4&eachByte3<<4|v3>>4&eachByte3<<6)
		}
	}
}

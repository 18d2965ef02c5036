package encode

import "bitmill/formats/block"

// encodeQ3_K: 16 sub-blocks of 16, x ~ d*s * q with q in -4..3, s in -32..31.
//
// Without importance: sub-blocks by refineSymmetric, and the scale of largest magnitude becomes s = -32. With it:
// weights importance * sqrt(2 * mean square of the super-block + x^2), and the scales are searched like values.
func encodeQ3_K(dst []byte, row, importance []float32) {
	var q [256]uint8
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), (*[110]byte)(dst[at/256*110:])
		var s [16]uint8 // s + 32
		var d float32
		if importance == nil {
			d = plainFit3(&q, &s, x)
		} else {
			d = weightedFit3(&q, &s, x, (*[256]float32)(importance[at:]))
		}
		for j, scale := range headQ3_K(b, d, &s) {
			requantizeSigned(q[16*j:16*j+16], x[16*j:], scale, 4)
		}
		packQ3_K(b, &q)
	}
}

// headQ3_K writes d and s, given as s + 32, and returns the scales of the sub-blocks that a reader will see.
func headQ3_K(b *[110]byte, d float32, s *[16]uint8) (scales [16]float32) {
	d = putHalf(b[108:], d)
	packed := (*[12]byte)(b[96:])
	packScales3(packed, s)
	for j, seen := range block.Scales3(packed) {
		scales[j] = d * float32(int32(seen))
	}
	return scales
}

func packQ3_K(b *[110]byte, q *[256]uint8) {
	packBit(b[:], q, 2)
	pack2(b[32:], q)
}

func plainFit3(q *[256]uint8, s *[16]uint8, x *[256]float32) (d float32) {
	var scales [16]float32
	for j := range scales {
		scales[j] = refineSymmetric(q[16*j:16*j+16], x[16*j:], 4)
	}
	return spreadScales3(s, &scales)
}

// spreadScales3 puts the scale of largest magnitude on s = -32.
func spreadScales3(s *[16]uint8, scales *[16]float32) (d float32) {
	extreme, _ := largest(scales[:])
	if extreme == 0 {
		return 0 // s stays 0: -32 in the file
	}
	inverse := -32 / extreme
	for j, v := range scales {
		l := int32(int8(nearest(inverse * v)))
		s[j] = uint8(max(-32, min(31, l)) + 32)
	}
	return 1 / inverse
}

func weightedFit3(q *[256]uint8, s *[16]uint8, x, importance *[256]float32) (d float32) {
	var w, scales, sums [16]float32
	variance := float32(2 * sumSquares(x[:]) / 256)
	for j := range scales {
		sub := x[16*j : 16*j+16]
		importanceWeights(w[:], importance[16*j:], sub, variance)
		sums[j] = sum(w[:])
		f := searchSymmetric(sub, w[:], 4)
		f.levels(q[16*j:16*j+16], sub, 4)
		scales[j] = f.scale
	}
	f := searchSymmetric(scales[:], sums[:], 32)
	f.levels(s[:], scales[:], 32)
	return f.scale
}

// packScales3 is the inverse of block.Scales3, for s + 32.
func packScales3(b *[12]byte, s *[16]uint8) {
	for j := range 8 {
		b[j] = s[j]&15 | s[j+8]<<4
	}
	for j := range 4 {
		b[8+j] = s[j]>>4 | s[j+4]>>4<<2 | s[j+8]>>4<<4 | s[j+12]>>4<<6
	}
}

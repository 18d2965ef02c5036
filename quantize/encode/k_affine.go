package encode

import "bitmill/formats/block"

// kAffine is the part of one k-quant with minima (Q2_K Q4_K Q5_K) that is its own: x ~ d*s * q - dmin*t, with one s and
// one t per sub-block.
//
// Without importance values are weighted by their magnitude plus the sub-block's root mean square, and s and t are
// spread evenly from 0 to the largest. With it, weights are importance * sqrt(factor * mean square of the super-block +
// x^2), and s and t are searched with the sums of those weights.
type kAffine struct {
	bytes    int       // of a super-block
	size     int       // values in a sub-block
	top      int32     // of the levels q
	scaleTop int32     // of s and t
	plain    stepRange // of the search without importance
	absolute bool      // which then counts errors, not their squares, and weighs by magnitude alone
	factor   float32

	// head writes d, dmin, s and t, and turns them into what a reader will see.
	head func(b []byte, d, dmin float32, s, t []uint8) (float32, float32)
	pack func(b []byte, q *[256]uint8)
}

// encode writes super-blocks.
func (k *kAffine) encode(dst []byte, row, importance []float32) {
	var fits [16]affine
	var s, t [16]uint8
	var q [256]uint8
	n := 256 / k.size
	for at := 0; at < len(row); at += 256 {
		x, b := (*[256]float32)(row[at:]), dst[at/256*k.bytes:][:k.bytes]
		d, dmin := k.fit(fits[:n], s[:n], t[:n], x, columns(importance, at))
		d, dmin = k.head(b, d, dmin, s[:n], t[:n])
		for j := range fits[:n] {
			sub, level := x[k.size*j:][:k.size], q[k.size*j:][:k.size]
			scale := d * float32(int32(s[j]))
			if scale == 0 {
				fits[j].levels(level, sub, k.top)
				continue
			}
			requantize(level, sub, scale, float32(dmin*float32(int32(t[j]))), k.top)
		}
		k.pack(b, &q)
	}
}

// fit sets the fits of the sub-blocks, s and t, and returns d and dmin; importance is nil or as long as x.
func (k *kAffine) fit(fits []affine, s, t []uint8, x *[256]float32, importance []float32) (d, dmin float32) {
	var w [32]float32
	var scales, mins, sums [16]float32
	n := len(fits)
	variance := float32(k.factor * sumSquares(x[:]) / 256)
	for j := range fits {
		sub, w := x[k.size*j:][:k.size], w[:k.size]
		if importance == nil {
			k.plainWeights(w, sub)
			fits[j] = searchAffine(sub, w, k.top, k.plain, k.absolute)
		} else {
			importanceWeights(w, importance[k.size*j:], sub, variance)
			sums[j] = sum(w)
			fits[j] = searchAffine(sub, w, k.top, weightedSteps, false)
		}
		scales[j], mins[j] = fits[j].scale, fits[j].min
	}
	if importance == nil {
		return plainLevels(s, scales[:n], k.scaleTop), plainLevels(t, mins[:n], k.scaleTop)
	}
	return searchNonneg(s, scales[:n], sums[:n], k.scaleTop), searchNonneg(t, mins[:n], sums[:n], k.scaleTop)
}

// plainWeights sets the weights without importance.
func (k *kAffine) plainWeights(w, sub []float32) {
	var rms float32
	if !k.absolute {
		rms = sqrt32(float32(sumSquares(sub) / float32(k.size)))
	}
	for i, v := range sub {
		w[i] = rms + abs32(v)
	}
}

// headScalesMins is the head of Q4_K and Q5_K.
func headScalesMins(b []byte, d, dmin float32, s, t []uint8) (float32, float32) {
	packed := (*[12]byte)(b[4:])
	packScalesMins(packed, (*[8]uint8)(s), (*[8]uint8)(t))
	seenS, seenT := block.ScalesMins(packed)
	copy(s, seenS[:])
	copy(t, seenT[:])
	return putHalf(b, d), putHalf(b[2:], dmin)
}

package encode

// Q4_0, Q4_1, Q5_0 and Q5_1: see legacy.go.

func (b *batch) encodeQ4_0(dst []byte, row, importance []float32) {
	b.legacySymmetric(row, importance, 8, func(i int, d float32, q *[32]uint8) {
		out := dst[18*i : 18*i+18]
		putHalf(out, d)
		packNibbles(out[2:], q)
	})
}

func (b *batch) encodeQ5_0(dst []byte, row, importance []float32) {
	b.legacySymmetric(row, importance, 16, func(i int, d float32, q *[32]uint8) {
		out := dst[22*i : 22*i+22]
		putHalf(out, d)
		packFifth(out[2:], q)
		packNibbles(out[6:], q)
	})
}

func (b *batch) encodeQ4_1(dst []byte, row, importance []float32) {
	b.legacyAffine(row, importance, 15, func(i int, d, low float32, q *[32]uint8) {
		out := dst[20*i : 20*i+20]
		putHalf(out, d)
		putHalf(out[2:], low)
		packNibbles(out[4:], q)
	})
}

func (b *batch) encodeQ5_1(dst []byte, row, importance []float32) {
	b.legacyAffine(row, importance, 31, func(i int, d, low float32, q *[32]uint8) {
		out := dst[24*i : 24*i+24]
		putHalf(out, d)
		putHalf(out[2:], low)
		packFifth(out[4:], q)
		packNibbles(out[8:], q)
	})
}

// legacySymmetric gives each block's scale and levels to put.
func (b *batch) legacySymmetric(row, importance []float32, half int32, put func(i int, d float32, q *[32]uint8)) {
	if importance == nil {
		b.each(row, nil, func(at, n int) {
			b.evenSymmetric(&b.q[0], &b.scale[0], &b.x[0], n/32, int(-half))
			for i := range n / 32 {
				put(at/32+i, b.scale[i], (*[32]uint8)(b.q[32*i:]))
			}
		})
		return
	}
	variance := rowVariance(row)
	b.each(row, importance, func(at, n int) {
		b.emphasize(&b.w[0], &b.importance[0], &b.x[0], batchValues, variance)
		b.searchSymmetric(n, 32, half, &b.w)
		clear(b.offset[:n/32])
		for i := range n / 32 {
			b.scale[i] = b.symmetric[i].inverse
		}
		b.product(&b.q[0], &b.x[0], &b.scale[0], &b.offset[0], n/32, 32, int(-half), int(half-1))
		for i := range n / 32 {
			q := (*[32]uint8)(b.q[32*i:])
			if b.symmetric[i].zero {
				clear(q[:])
			}
			put(at/32+i, b.symmetric[i].scale, q)
		}
	})
}

// legacyAffine gives each block's scale, minimum and levels to put.
func (b *batch) legacyAffine(row, importance []float32, top int32, put func(i int, d, low float32, q *[32]uint8)) {
	if importance == nil {
		b.each(row, nil, func(at, n int) {
			b.evenAffine(&b.q[0], &b.scale[0], &b.offset[0], &b.x[0], n/32, int(top))
			for i := range n / 32 {
				put(at/32+i, b.scale[i], b.offset[i], (*[32]uint8)(b.q[32*i:]))
			}
		})
		return
	}
	variance := rowVariance(row)
	b.each(row, importance, func(at, n int) {
		b.emphasize(&b.w[0], &b.importance[0], &b.x[0], batchValues, variance)
		b.searchAffine(n, 32, top, weightedGrid, false, fromRow)
		for i := range n / 32 {
			b.scale[i], b.offset[i] = b.affine[i].inverse, b.affine[i].origin
		}
		b.product(&b.q[0], &b.x[0], &b.scale[0], &b.offset[0], n/32, 32, 0, int(top))
		for i := range n / 32 {
			q := (*[32]uint8)(b.q[32*i:])
			if b.affine[i].zero {
				clear(q[:])
			}
			put(at/32+i, b.affine[i].scale, -b.affine[i].min, q)
		}
	})
}

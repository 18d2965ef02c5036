package encode

// Q4_0, Q4_1, Q5_0 and Q5_1: see legacy.go.

func (ws *workspace) encodeQ4_0(dst []byte, row, importance []float32) {
	ws.legacySymmetric(row, importance, 8, func(i int, d float32, q *[32]uint8) {
		out := dst[18*i : 18*i+18]
		putHalf(out, d)
		packNibbles(out[2:], q)
	})
}

func (ws *workspace) encodeQ5_0(dst []byte, row, importance []float32) {
	ws.legacySymmetric(row, importance, 16, func(i int, d float32, q *[32]uint8) {
		out := dst[22*i : 22*i+22]
		putHalf(out, d)
		packFifth(out[2:], q)
		packNibbles(out[6:], q)
	})
}

func (ws *workspace) encodeQ4_1(dst []byte, row, importance []float32) {
	ws.legacyAffine(row, importance, 15, func(i int, d, low float32, q *[32]uint8) {
		out := dst[20*i : 20*i+20]
		putHalf(out, d)
		putHalf(out[2:], low)
		packNibbles(out[4:], q)
	})
}

func (ws *workspace) encodeQ5_1(dst []byte, row, importance []float32) {
	ws.legacyAffine(row, importance, 31, func(i int, d, low float32, q *[32]uint8) {
		out := dst[24*i : 24*i+24]
		putHalf(out, d)
		putHalf(out[2:], low)
		packFifth(out[4:], q)
		packNibbles(out[8:], q)
	})
}

// legacySymmetric gives each block's scale and levels to put.
func (ws *workspace) legacySymmetric(row, importance []float32, half int32, put func(i int, d float32, q *[32]uint8)) {
	if importance == nil {
		ws.each(row, nil, func(at, n int) {
			ws.evenSymmetric(&ws.q[0], &ws.scale[0], &ws.x[0], n/32, int(-half))
			for i := range n / 32 {
				put(at/32+i, ws.scale[i], (*[32]uint8)(ws.q[32*i:]))
			}
		})
		return
	}
	variance := rowVariance(row)
	ws.each(row, importance, func(at, n int) {
		ws.importanceWeights(&ws.w[0], &ws.importance[0], &ws.x[0], batchValues, variance)
		ws.searchSymmetric(n, 32, half, &ws.w)
		clear(ws.offset[:n/32])
		for i := range n / 32 {
			ws.scale[i] = ws.symmetric[i].inverse
		}
		ws.product(&ws.q[0], &ws.x[0], &ws.scale[0], &ws.offset[0], n/32, 32, int(-half), int(half-1))
		for i := range n / 32 {
			q := (*[32]uint8)(ws.q[32*i:])
			if ws.symmetric[i].zero {
				clear(q[:])
			}
			put(at/32+i, ws.symmetric[i].scale, q)
		}
	})
}

// legacyAffine gives each block's scale, minimum and levels to put.
func (ws *workspace) legacyAffine(row, importance []float32, top int32, put func(i int, d, low float32, q *[32]uint8)) {
	if importance == nil {
		ws.each(row, nil, func(at, n int) {
			ws.evenAffine(&ws.q[0], &ws.scale[0], &ws.offset[0], &ws.x[0], n/32, int(top))
			for i := range n / 32 {
				put(at/32+i, ws.scale[i], ws.offset[i], (*[32]uint8)(ws.q[32*i:]))
			}
		})
		return
	}
	variance := rowVariance(row)
	ws.each(row, importance, func(at, n int) {
		ws.importanceWeights(&ws.w[0], &ws.importance[0], &ws.x[0], batchValues, variance)
		ws.searchAffine(n, 32, top, weightedSteps, false, fromRow)
		for i := range n / 32 {
			ws.scale[i], ws.offset[i] = ws.affine[i].inverse, ws.affine[i].origin
		}
		ws.product(&ws.q[0], &ws.x[0], &ws.scale[0], &ws.offset[0], n/32, 32, 0, int(top))
		for i := range n / 32 {
			q := (*[32]uint8)(ws.q[32*i:])
			if ws.affine[i].zero {
				clear(q[:])
			}
			put(at/32+i, ws.affine[i].scale, -ws.affine[i].min, q)
		}
	})
}

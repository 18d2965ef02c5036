package encode

// onLanes does what encode does, for a batch of blocks at once.
func (t *legacyType) onLanes(ws *workspace, dst []byte, row, importance []float32) {
	variance := rowVariance(row, importance)
	ws.each(row, importance, func(at, n int) {
		switch {
		case t.half > 0 && importance == nil:
			ws.evenSymmetric(&ws.q[0], &ws.scale[0], &ws.x[0], n/32, int(-t.half))
			clear(ws.offset[:n/32])
		case t.half > 0:
			ws.legacySymmetric(n, variance, t.half)
		case importance == nil:
			ws.evenAffine(&ws.q[0], &ws.scale[0], &ws.offset[0], &ws.x[0], n/32, int(t.top))
		default:
			ws.legacyAffine(n, variance, t.top)
		}
		out := dst[at/32*t.bytes:]
		for i := range n / 32 {
			t.pack(out[i*t.bytes:], ws.scale[i], ws.offset[i], (*[32]uint8)(ws.q[32*i:]))
		}
	})
}

// legacySymmetric searches the batch's first n values. It sets ws.q, ws.scale and, to zero, ws.offset.
func (ws *workspace) legacySymmetric(n int, variance float32, half int32) {
	ws.importanceWeights(&ws.w[0], &ws.importance[0], &ws.x[0], batchValues, variance)
	ws.searchSymmetric(n, 32, half, &ws.w)
	clear(ws.offset[:n/32])
	for i := range n / 32 {
		ws.scale[i] = ws.symmetric[i].inverse
	}
	ws.product(&ws.q[0], &ws.x[0], &ws.scale[0], &ws.offset[0], n/32, 32, int(-half), int(half-1))
	for i, f := range ws.symmetric[:n/32] {
		ws.scale[i] = f.scale
		if f.zero {
			clear(ws.q[32*i:][:32])
		}
	}
}

// legacyAffine searches the batch's first n values. It sets ws.q, ws.scale and ws.offset.
func (ws *workspace) legacyAffine(n int, variance float32, top int32) {
	ws.importanceWeights(&ws.w[0], &ws.importance[0], &ws.x[0], batchValues, variance)
	ws.searchAffine(n, 32, top, weightedSteps, false, fromRow)
	for i, f := range ws.affine[:n/32] {
		ws.scale[i], ws.offset[i] = f.inverse, f.origin
	}
	ws.product(&ws.q[0], &ws.x[0], &ws.scale[0], &ws.offset[0], n/32, 32, 0, int(top))
	for i, f := range ws.affine[:n/32] {
		ws.scale[i], ws.offset[i] = f.scale, -f.min
		if f.zero {
			clear(ws.q[32*i:][:32])
		}
	}
}

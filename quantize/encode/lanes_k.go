package encode

// The k-quants on lanes, a batch of super-blocks at once. See k_affine.go, q3_k.go and q6_k.go for the same in plain Go.

// onLanes is encode on lanes.
func (k *kAffine) onLanes(ws *workspace, dst []byte, row, importance []float32) {
	count := 256 / k.size
	ws.each(row, importance, func(at, n int) {
		switch {
		case importance != nil:
			ws.weigh(k.factor)
			ws.searchAffine(n, k.size, k.top, weightedSteps, false, fromRow)
			ws.searchScales(count, k.scaleTop)
		case k.absolute:
			ws.magnitudes(&ws.w[0], &ws.x[0], batchValues)
			ws.searchAffine(n, k.size, k.top, k.plain, true, fromRow)
			ws.plainScales(n, count, k.scaleTop)
		default:
			ws.searchAffine(n, k.size, k.top, k.plain, false, spreadOut)
			ws.plainScales(n, count, k.scaleTop)
		}
		out := func(i int) []byte { return dst[(at/256+i)*k.bytes:][:k.bytes] }
		for i := range n / 256 {
			s, t := ws.s[count*i:][:count], ws.t[count*i:][:count]
			d, dmin := k.head(out(i), ws.d[i], ws.dmin[i], s, t)
			for j := range s {
				ws.scale[count*i+j] = d * float32(int32(s[j]))
				ws.offset[count*i+j] = float32(dmin * float32(int32(t[j])))
			}
		}
		ws.affineLevels(n, k.size, k.top)
		for i := range n / 256 {
			k.pack(out(i), (*[256]uint8)(ws.q[256*i:]))
		}
	})
}

// plainScales sets ws.s, ws.t, ws.d and ws.dmin without a search.
func (ws *workspace) plainScales(n, count int, top int32) {
	var scales, mins [16]float32
	for i := range n / 256 {
		for j := range count {
			scales[j], mins[j] = ws.affine[i*count+j].scale, ws.affine[i*count+j].min
		}
		ws.d[i] = plainLevels(ws.s[i*count:][:count], scales[:count], top)
		ws.dmin[i] = plainLevels(ws.t[i*count:][:count], mins[:count], top)
	}
}

// affineLevels sets ws.q from ws.scale and ws.offset, or from the fit where a scale is zero.
func (ws *workspace) affineLevels(n, size int, top int32) {
	ws.quotient(&ws.q[0], &ws.x[0], &ws.scale[0], &ws.offset[0], n/size, size, 0, int(top))
	for j, scale := range ws.scale[:n/size] {
		if scale == 0 {
			ws.affine[j].levels(ws.q[j*size:][:size], ws.x[j*size:][:size], top)
		}
	}
}

// symmetricLevels sets ws.q from ws.scale, or by fitted where a scale is zero.
func (ws *workspace) symmetricLevels(n, size int, half int32, fitted func(j int, q []uint8, x []float32)) {
	clear(ws.offset[:n/size])
	ws.quotient(&ws.q[0], &ws.x[0], &ws.scale[0], &ws.offset[0], n/size, size, int(-half), int(half-1))
	for j, scale := range ws.scale[:n/size] {
		if scale == 0 {
			fitted(j, ws.q[j*size:][:size], ws.x[j*size:][:size])
		}
	}
}

func (ws *workspace) encodeQ3_K(dst []byte, row, importance []float32) {
	ws.each(row, importance, func(at, n int) {
		if importance == nil {
			ws.refineScales(n, 4)
		} else {
			ws.weigh(2)
			ws.searchSymmetric(n, 16, 4, &ws.w)
			ws.searchScales3()
		}
		for i := range n / 256 {
			out := (*[110]byte)(dst[(at/256+i)*110:])
			var scales [16]float32
			for j := range scales {
				scales[j] = ws.symmetric[16*i+j].scale
			}
			var s [16]uint8
			var d float32
			if importance == nil {
				d = spreadScales3(&s, &scales)
			} else {
				ws.common[i].levels(s[:], scales[:], 32)
				d = ws.common[i].scale
			}
			scales = headQ3_K(out, d, &s)
			copy(ws.scale[16*i:], scales[:])
		}
		if importance == nil {
			ws.symmetricLevels(n, 16, 4, func(_ int, q []uint8, x []float32) { refineSymmetric(q, x, 4) })
		} else {
			ws.symmetricLevels(n, 16, 4, func(j int, q []uint8, x []float32) { ws.symmetric[j].levels(q, x, 4) })
		}
		for i := range n / 256 {
			packQ3_K((*[110]byte)(dst[(at/256+i)*110:]), (*[256]uint8)(ws.q[256*i:]))
		}
	})
}

// searchScales3 searches the scales of super-blocks like values and sets ws.common; a column is a super-block.
func (ws *workspace) searchScales3() {
	for i := range ws.common {
		for j := range 16 {
			ws.tableX[j*ws.columns+i], ws.tableW[j*ws.columns+i] = ws.symmetric[16*i+j].scale, ws.sums[16*i+j]
		}
	}
	ws.symmetricSteps(32)
	ws.symmetricTable(ws.common[:], 16, 32)
}

func (ws *workspace) encodeQ6_K(dst []byte, row, importance []float32) {
	ws.each(row, importance, func(at, n int) {
		w := ws.importance
		if w == nil {
			w = &ws.w
			ws.squares(&w[0], &ws.x[0], batchValues)
		}
		ws.searchSymmetric(n, 16, 32, w)
		for i := range n / 256 {
			scales := ws.scale[16*i:][:16]
			for j := range scales {
				scales[j] = ws.symmetric[16*i+j].scale
			}
			ws.empty[i] = !headQ6_K((*[210]byte)(dst[(at/256+i)*210:]), scales)
		}
		ws.symmetricLevels(n, 16, 32, func(j int, q []uint8, x []float32) { ws.symmetric[j].levels(q, x, 32) })
		for i := range n / 256 {
			if !ws.empty[i] {
				packQ6_K((*[210]byte)(dst[(at/256+i)*210:]), (*[256]uint8)(ws.q[256*i:]))
			}
		}
	})
}

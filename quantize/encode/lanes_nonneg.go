package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// searchScales runs searchNonneg on the scales and the minima of eight super-blocks of count sub-blocks each, weighted
// by ws.sums: columns 0 to 7 are the scales, 8 to 15 the minima. It sets ws.s, ws.t, ws.d and ws.dmin.
func (ws *workspace) searchScales(count int, top int32) {
	for block := range 8 {
		for i := range count {
			f, to := &ws.affine[block*count+i], i*ws.columns+block
			ws.tableX[to], ws.tableX[to+8] = f.scale, f.min
			ws.tableW[to], ws.tableW[to+8] = ws.sums[block*count+i], ws.sums[block*count+i]
		}
	}
	ws.nonnegTable(count, 16/ws.width, top)
	for block := range 8 {
		ws.d[block] = ws.takeScales(ws.s[block*count:][:count], block, top)
		ws.dmin[block] = ws.takeScales(ws.t[block*count:][:count], 8+block, top)
	}
}

// nonnegTable searches the tables' first groups of columns, n rows.
func (ws *workspace) nonnegTable(n, groups int, top int32) {
	ws.steps[0] = float32(top)
	steps := ws.steps[1:1]
	for k := -4; k <= 4; k++ {
		if k != 0 {
			steps = append(steps, float32(float32(0.1)*float32(k))+float32(top))
		}
	}
	ws.nonneg(&ws.state[0], &ws.tableX[0], &ws.tableW[0], &ws.tableQ[0], n, groups, &ws.steps[0], len(steps))
}

// takeScales reads one column's levels and returns the common scale.
func (ws *workspace) takeScales(levels []uint8, c int, top int32) float32 {
	if math.Float32bits(ws.row(layout.NonnegRedo)[c]) != 0 {
		x, w := ws.column(len(levels), c)
		return searchNonneg(levels, x, w, top)
	}
	for i := range levels {
		levels[i] = uint8(int32(ws.tableQ[i*ws.columns+c]))
	}
	return ws.row(layout.NonnegScale)[c]
}

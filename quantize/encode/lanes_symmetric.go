package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// symmetricSteps fills ws.steps.
func (ws *workspace) symmetricSteps(half int32) {
	ws.steps[0] = -float32(half)
	for k, t := range tenths {
		ws.steps[1+k] = -(float32(half) + t)
	}
}

// searchSymmetric is searchSymmetric of symmetric.go on the sub-blocks of size values of the batch's first n values,
// with weights w, and sets ws.symmetric and ws.sums.
func (ws *workspace) searchSymmetric(n, size int, half int32, w *[batchValues]float32) {
	ws.symmetricSteps(half)
	for at := 0; at < n; at += ws.columns * size {
		ws.transpose(&ws.tableX[0], &ws.x[at], ws.columns, size)
		ws.transpose(&ws.tableW[0], &w[at], ws.columns, size)
		first := at / size
		ws.symmetricTable(ws.symmetric[first:][:ws.columns], size, half)
		copy(ws.sums[first:], ws.row(layout.SymmetricSum))
	}
}

// inside is the number of pairs of steps that keep the largest magnitude above the lowest level minus 1/2: tenths below
// 0.5.
const inside = 6

// symmetricTable searches the first columns of the tables, one for each fit.
func (ws *workspace) symmetricTable(fits []symmetric, size int, half int32) {
	groups := (len(fits) + ws.width - 1) / ws.width
	ws.lanes.symmetric(&ws.state[0], &ws.tableX[0], &ws.tableW[0], &ws.tableQ[0], size, groups, &ws.steps[0],
		inside, len(tenths)/2-inside)
	scale, inverse := ws.row(layout.SymmetricScale), ws.row(layout.SymmetricInverse)
	zero, redo := ws.row(layout.SymmetricZero), ws.row(layout.SymmetricRedo)
	for c := range fits {
		fits[c] = symmetric{scale[c], inverse[c], math.Float32bits(zero[c]) != 0}
		if math.Float32bits(redo[c]) != 0 {
			x, w := ws.column(size, c)
			fits[c] = searchSymmetric(x, w, half)
		}
	}
}

// refineScales runs refineSymmetric on the sub-blocks of 16 of the batch's first n values and sets the scales of
// ws.symmetric.
func (ws *workspace) refineScales(n int, half int32) {
	const size = 16
	ws.steps[0] = -float32(half)
	for at := 0; at < n; at += ws.columns * size {
		ws.transpose(&ws.tableX[0], &ws.x[at], ws.columns, size)
		ws.refine(&ws.state[0], &ws.tableX[0], &ws.tableQ[0], size, &ws.steps[0])
		scale, redo := ws.row(layout.RefineScale), ws.row(layout.RefineRedo)
		for c := range ws.columns {
			f := &ws.symmetric[at/size+c]
			f.scale = scale[c]
			if math.Float32bits(redo[c]) != 0 {
				var q [size]uint8
				f.scale = refineSymmetric(q[:], ws.x[at+c*size:][:size], half)
			}
		}
	}
}

package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// weighting is the source of a search's weights.
type weighting int

const (
	fromRow   weighting = iota // ws.w
	spreadOut                  // root mean square of the sub-block + |x|
)

// searchAffine is searchAffine of affine.go on the sub-blocks of size values of the batch's first n values, and sets
// ws.affine and ws.sums.
func (ws *workspace) searchAffine(n, size int, top int32, r stepRange, absolute bool, weights weighting) {
	search := ws.affineSquares
	if absolute {
		search = ws.affineMagnitudes
	}
	ws.steps[0] = float32(top)
	below := 0 // steps that keep the largest value below top + 1/2
	for k := range r.last + 1 {
		ws.steps[1+k] = r.low + float32(r.step*float32(k)) + float32(top)
		if ws.steps[1+k] < float32(top)+0.49 {
			below++
		}
	}
	for at := 0; at < n; at += ws.columns * size {
		ws.transpose(&ws.tableX[0], &ws.x[at], ws.columns, size)
		switch weights {
		case fromRow:
			ws.transpose(&ws.tableW[0], &ws.w[at], ws.columns, size)
		case spreadOut:
			ws.spread(&ws.tableW[0], &ws.tableX[0], ws.columns, size, float32(size))
		}
		search(&ws.state[0], &ws.tableX[0], &ws.tableW[0], &ws.tableQ[0], size, &ws.steps[0], below, r.last+1)
		ws.takeAffine(at/size, size, top, r, absolute)
	}
}

// takeAffine reads the results of one table, whose first column is sub-block first.
func (ws *workspace) takeAffine(first, size int, top int32, r stepRange, absolute bool) {
	fits, sums := ws.affine[first:][:ws.columns], ws.sums[first:][:ws.columns]
	scale, min32 := ws.row(layout.AffineScale), ws.row(layout.AffineMin)
	inverse, origin := ws.row(layout.AffineInverse), ws.row(layout.AffineOrigin)
	sum, zero, redo := ws.row(layout.AffineSum), ws.row(layout.AffineZero), ws.row(layout.AffineRedo)
	for c := range fits {
		fits[c] = affine{scale[c], min32[c], inverse[c], origin[c], math.Float32bits(zero[c]) != 0}
		sums[c] = 0 + sum[c] // as of a sum that starts from zero: never -0
		if math.Float32bits(redo[c]) != 0 {
			x, w := ws.column(size, c)
			fits[c] = searchAffine(x, w, top, r, absolute)
		}
	}
}

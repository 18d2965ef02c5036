package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// weighting says where the weights of a search come from.
type weighting int

const (
	fromRow   weighting = iota // b.w
	spreadOut                  // root mean square of the sub-block + |x|
)

// searchAffine runs searchAffine on the sub-blocks of size values of the batch's first n values, and sets b.affine and
// b.sums.
func (b *batch) searchAffine(n, size int, top int32, g grid, absolute bool, weights weighting) {
	search := b.affineSquares
	if absolute {
		search = b.affineMagnitudes
	}
	b.steps[0] = float32(top)
	below := 0 // steps that keep the largest value below top + 1/2
	for k := range g.last + 1 {
		b.steps[1+k] = g.low + float32(g.step*float32(k)) + float32(top)
		if b.steps[1+k] < float32(top)+0.49 {
			below++
		}
	}
	for at := 0; at < n; at += b.columns * size {
		b.transpose(&b.tableX[0], &b.x[at], b.columns, size)
		switch weights {
		case fromRow:
			b.transpose(&b.tableW[0], &b.w[at], b.columns, size)
		case spreadOut:
			b.spread(&b.tableW[0], &b.tableX[0], b.columns, size, float32(size))
		}
		search(&b.state[0], &b.tableX[0], &b.tableW[0], &b.tableQ[0], size, &b.steps[0], below, g.last+1)
		b.takeAffine(at/size, size, top, g, absolute)
	}
}

// takeAffine reads the results of one table, whose first column is sub-block first.
func (b *batch) takeAffine(first, size int, top int32, g grid, absolute bool) {
	fits, sums := b.affine[first:][:b.columns], b.sums[first:][:b.columns]
	scale, min32 := b.row(layout.AffineScale), b.row(layout.AffineMin)
	inverse, origin := b.row(layout.AffineInverse), b.row(layout.AffineOrigin)
	sum, zero, redo := b.row(layout.AffineSum), b.row(layout.AffineZero), b.row(layout.AffineRedo)
	for c := range fits {
		fits[c] = affine{scale[c], min32[c], inverse[c], origin[c], math.Float32bits(zero[c]) != 0}
		sums[c] = 0 + sum[c] // as a sum that starts from zero
		if math.Float32bits(redo[c]) != 0 {
			var x, w [32]float32
			fits[c] = searchAffine(b.column(x[:size], &b.tableX, c), b.column(w[:size], &b.tableW, c), top, g, absolute)
		}
	}
}

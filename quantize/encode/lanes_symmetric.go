package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// symmetricSteps fills b.steps.
func (b *batch) symmetricSteps(half int32) {
	b.steps[0] = -float32(half)
	for k, t := range tenths {
		b.steps[1+k] = -(float32(half) + t)
	}
}

// searchSymmetric runs searchSymmetric on the sub-blocks of size values of the batch's first n values, with weights w,
// and sets b.symmetric and b.sums.
func (b *batch) searchSymmetric(n, size int, half int32, w *[batchValues]float32) {
	b.symmetricSteps(half)
	for at := 0; at < n; at += b.columns * size {
		b.transpose(&b.tableX[0], &b.x[at], b.columns, size)
		b.transpose(&b.tableW[0], &w[at], b.columns, size)
		first := at / size
		b.symmetricTable(b.symmetric[first:][:b.columns], size, half)
		copy(b.sums[first:], b.row(layout.SymmetricSum))
	}
}

// inside is how many pairs of steps keep the largest magnitude above the lowest level minus 1/2: tenths below 0.5.
const inside = 6

// symmetricTable searches the first columns of the tables, one for each fit.
func (b *batch) symmetricTable(fits []symmetric, size int, half int32) {
	groups := (len(fits) + b.width - 1) / b.width
	b.lanes.symmetric(&b.state[0], &b.tableX[0], &b.tableW[0], &b.tableQ[0], size, groups, &b.steps[0], inside, len(tenths)/2-inside)
	scale, inverse := b.row(layout.SymmetricScale), b.row(layout.SymmetricInverse)
	zero, redo := b.row(layout.SymmetricZero), b.row(layout.SymmetricRedo)
	for c := range fits {
		fits[c] = symmetric{scale[c], inverse[c], math.Float32bits(zero[c]) != 0}
		if math.Float32bits(redo[c]) != 0 {
			var x, w [32]float32
			fits[c] = searchSymmetric(b.column(x[:size], &b.tableX, c), b.column(w[:size], &b.tableW, c), half)
		}
	}
}

// refineScales runs refineSymmetric on the sub-blocks of 16 of the batch's first n values and sets the scales of
// b.symmetric.
func (b *batch) refineScales(n int, half int32) {
	const size = 16
	b.steps[0] = -float32(half)
	for at := 0; at < n; at += b.columns * size {
		b.transpose(&b.tableX[0], &b.x[at], b.columns, size)
		b.refine(&b.state[0], &b.tableX[0], &b.tableQ[0], size, &b.steps[0])
		scale, redo := b.row(layout.RefineScale), b.row(layout.RefineRedo)
		for c := range b.columns {
			f := &b.symmetric[at/size+c]
			f.scale = scale[c]
			if math.Float32bits(redo[c]) != 0 {
				var q [size]uint8
				f.scale = refineSymmetric(q[:], b.x[at+c*size:][:size], half)
			}
		}
	}
}

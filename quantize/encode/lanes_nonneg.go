package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// searchScales runs searchPositive on the scales and the minima of eight super-blocks of count sub-blocks each, weighted by
// b.sums: columns 0 to 7 are the scales, 8 to 15 the minima. It sets b.s, b.t, b.d and b.dmin.
func (b *batch) searchScales(count int, top int32) {
	for block := range 8 {
		for i := range count {
			f, to := &b.affine[block*count+i], i*b.columns+block
			b.tableX[to], b.tableX[to+8] = f.scale, f.min
			b.tableW[to], b.tableW[to+8] = b.sums[block*count+i], b.sums[block*count+i]
		}
	}
	b.positiveTable(count, 16/b.width, top)
	for block := range 8 {
		b.d[block] = b.takeScales(b.s[block*count:][:count], block, top)
		b.dmin[block] = b.takeScales(b.t[block*count:][:count], 8+block, top)
	}
}

// positiveTable searches the tables' first groups of columns, n rows.
func (b *batch) positiveTable(n, groups int, top int32) {
	b.steps[0] = float32(top)
	steps := b.steps[1:1]
	for k := -4; k <= 4; k++ {
		if k != 0 {
			steps = append(steps, float32(float32(0.1)*float32(k))+float32(top))
		}
	}
	b.positive(&b.state[0], &b.tableX[0], &b.tableW[0], &b.tableQ[0], n, groups, &b.steps[0], len(steps))
}

// takeScales reads one column's levels and returns the common scale.
func (b *batch) takeScales(levels []uint8, c int, top int32) float32 {
	if math.Float32bits(b.row(layout.NonnegRedo)[c]) != 0 {
		var x, w [16]float32
		return searchPositive(levels, b.column(x[:len(levels)], &b.tableX, c), b.column(w[:len(levels)], &b.tableW, c), top)
	}
	for i := range levels {
		levels[i] = uint8(int32(b.tableQ[i*b.columns+c]))
	}
	return b.row(layout.NonnegScale)[c]
}

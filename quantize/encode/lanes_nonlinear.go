package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// unevenSteps are the candidates after the first: how far from zero the extreme lies, in levels.
var unevenSteps = func() (s [15]float32) {
	for i := range s {
		s[i] = float32(i-7) - 127
	}
	return s
}()

func (b *batch) encodeIQ4_NL(dst []byte, row, importance []float32) {
	b.each(row, importance, func(at, n int) {
		out := dst[at/32*18:][:n/32*18]
		if !b.finite(b.x[:]) {
			encodeIQ4_NL(out, row[at:at+n], columns(importance, at))
			return
		}
		if importance == nil {
			b.squares(&b.w[0], &b.x[0], batchValues)
		} else {
			var sums [8]float32
			for i := range batchValues / 32 {
				if i%8 == 0 {
					b.lanes.sumSquares(&sums[0], &b.x[32*i], 32)
				}
				b.emphasize(&b.w[32*i], &b.importance[32*i], &b.x[32*i], 32, float32(sums[i%8]*(2./32)))
			}
		}
		b.searchUneven(n)
		for i := range n / 32 {
			putHalf(out[18*i:], b.scale[i])
			packUneven(out[18*i+2:], (*[32]float32)(b.x[32*i:]), invert(b.scale[i]))
		}
	})
}

func (b *batch) encodeIQ4_XS(dst []byte, row, importance []float32) {
	b.each(row, importance, func(at, n int) {
		out := dst[at/256*136:][:n/256*136]
		if !b.finite(b.x[:]) {
			encodeIQ4_XS(out, row[at:at+n], columns(importance, at))
			return
		}
		if importance == nil {
			b.squares(&b.w[0], &b.x[0], batchValues)
		} else {
			b.weigh(2)
		}
		b.searchUneven(n)
		for i := range n / 256 {
			packIQ4_XS(out[136*i:][:136], (*[256]float32)(b.x[256*i:]), (*[8]float32)(b.scale[8*i:]))
		}
	})
}

// searchUneven sets b.scale for the sub-blocks of 32 of the batch's first n values.
func (b *batch) searchUneven(n int) {
	for at := 0; at < n; at += b.columns * 32 {
		b.transpose(&b.tableX[0], &b.x[at], b.columns, 32)
		b.transpose(&b.tableW[0], &b.w[at], b.columns, 32)
		b.uneven(&b.state[0], &b.tableX[0], &b.tableW[0], 32, &unevenSteps[0], len(unevenSteps))
		scale, best, zero := b.row(layout.NonlinearScale), b.row(layout.NonlinearBest), b.row(layout.NonlinearZero)
		for c := range b.columns {
			i := at/32 + c
			switch b.scale[i] = scale[c]; {
			case math.Float32bits(zero[c]) != 0:
				b.scale[i] = 0
			case !(abs32(scale[c]) < infinity && abs32(best[c]) < infinity):
				b.scale[i] = searchUneven((*[32]float32)(b.x[32*i:]), (*[32]float32)(b.w[32*i:]))
			}
		}
	}
}

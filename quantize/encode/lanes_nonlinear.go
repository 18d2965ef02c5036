package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// nonlinearSteps are the candidates after the first: the level on which the extreme lies.
var nonlinearSteps = func() (s [15]float32) {
	for i := range s {
		s[i] = float32(i-7) - 127
	}
	return s
}()

func (ws *workspace) encodeIQ4_NL(dst []byte, row, importance []float32) {
	ws.each(row, importance, func(at, n int) {
		out := dst[at/32*18:][:n/32*18]
		if !ws.finite(ws.x[:]) {
			encodeIQ4_NL(out, row[at:at+n], columns(importance, at))
			return
		}
		if importance == nil {
			ws.squares(&ws.w[0], &ws.x[0], batchValues)
		} else {
			var sums [8]float32
			for i := range batchValues / 32 {
				if i%8 == 0 {
					ws.lanes.sumSquares(&sums[0], &ws.x[32*i], 32)
				}
				ws.importanceWeights(&ws.w[32*i], &ws.importance[32*i], &ws.x[32*i], 32, float32(sums[i%8]*(2./32)))
			}
		}
		ws.searchNonlinear(n)
		for i := range n / 32 {
			putHalf(out[18*i:], ws.scale[i])
			packNonlinear(out[18*i+2:], (*[32]float32)(ws.x[32*i:]), invert(ws.scale[i]))
		}
	})
}

func (ws *workspace) encodeIQ4_XS(dst []byte, row, importance []float32) {
	ws.each(row, importance, func(at, n int) {
		out := dst[at/256*136:][:n/256*136]
		if !ws.finite(ws.x[:]) {
			encodeIQ4_XS(out, row[at:at+n], columns(importance, at))
			return
		}
		if importance == nil {
			ws.squares(&ws.w[0], &ws.x[0], batchValues)
		} else {
			ws.weigh(2)
		}
		ws.searchNonlinear(n)
		for i := range n / 256 {
			packIQ4_XS(out[136*i:][:136], (*[256]float32)(ws.x[256*i:]), (*[8]float32)(ws.scale[8*i:]))
		}
	})
}

// searchNonlinear sets ws.scale for the sub-blocks of 32 of the batch's first n values.
func (ws *workspace) searchNonlinear(n int) {
	for at := 0; at < n; at += ws.columns * 32 {
		ws.transpose(&ws.tableX[0], &ws.x[at], ws.columns, 32)
		ws.transpose(&ws.tableW[0], &ws.w[at], ws.columns, 32)
		ws.nonlinear(&ws.state[0], &ws.tableX[0], &ws.tableW[0], 32, &nonlinearSteps[0], len(nonlinearSteps))
		scale, best, zero := ws.row(layout.NonlinearScale), ws.row(layout.NonlinearBest), ws.row(layout.NonlinearZero)
		for c := range ws.columns {
			i := at/32 + c
			switch ws.scale[i] = scale[c]; {
			case math.Float32bits(zero[c]) != 0:
				ws.scale[i] = 0
			case !(abs32(scale[c]) < infinity && abs32(best[c]) < infinity):
				ws.scale[i] = searchNonlinear((*[32]float32)(ws.x[32*i:]), (*[32]float32)(ws.w[32*i:]))
			}
		}
	}
}

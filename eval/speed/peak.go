package speed

import (
	"time"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/formats/kernel"
)

// peaks measures products that lie in the first-level cache, all workers together: operations per second on codes of 8
// bits and on float32.
func peaks(pool *infer.Pool, set *kernel.Set) (int8, float float64) {
	const rows, cols, tokens = 16, 512, 64
	type own struct {
		scratch kernel.Scratch
		dst     []float32
	}
	workers := make([]own, pool.Workers())
	for i := range workers {
		workers[i].dst = make([]float32, rows*tokens)
	}
	var x kernel.Batch
	_ = set.Load(&x, kernel.FormQ8_0, make([]float32, cols*tokens), tokens, cols)
	w := kernel.Matrix{Type: formats.Q8_0, Rows: rows, Cols: cols, Data: make([]byte, rows*cols/32*34)}
	a, b := make([]float32, tokens*64), make([]float32, 64*kernel.PanelCols)
	int8 = rate(pool, 2*rows*cols*tokens, func(worker int) {
		_ = set.MatMul(workers[worker].dst, rows, w, &x, 0, rows, &workers[worker].scratch)
	})
	float = rate(pool, 2*tokens*64*kernel.PanelCols, func(worker int) {
		set.GemmPanels(workers[worker].dst, rows, a, 64, b, len(b), tokens, kernel.PanelCols, 64, false)
	})
	return int8, float
}

// rate runs f on all workers for a tenth of a second and returns the operations per second of the fastest millisecond.
func rate(pool *infer.Pool, operations float64, f func(worker int)) float64 {
	best, calls := 0.0, 1
	for begin := time.Now(); time.Since(begin) < 100*time.Millisecond; {
		start := time.Now()
		pool.Run(pool.Workers(), func(worker, _ int) {
			for range calls {
				f(worker)
			}
		})
		took := time.Since(start)
		best = max(best, operations*float64(calls*pool.Workers())/took.Seconds())
		if took < time.Millisecond {
			calls *= 2
		}
	}
	return best
}

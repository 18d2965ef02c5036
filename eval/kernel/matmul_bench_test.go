package kernel

import (
	"fmt"
	"testing"
	"time"

	"bitmill/eval/machine"
)

// oneWorker is a pool of the calling goroutine.
type oneWorker struct{}

func (oneWorker) Workers() int { return 1 }

func (oneWorker) Run(tasks int, f func(worker, task int)) {
	for i := range tasks {
		f(0, i)
	}
}

// BenchmarkMatMul reports GOP/s (a product and a sum are two operations) of one goroutine: of all iterations, and of
// the fastest 32 rows, which tell more on a machine that is shared, beside their share of what the core can do at most.
func BenchmarkMatMul(b *testing.B) {
	for _, s := range Available() {
		peaks := machine.MeasureRates(oneWorker{}, s.Name)
		for _, typ := range types {
			for _, shape := range []struct{ rows, cols, n int }{{2048, 2048, 512}, {5632, 2048, 512}, {256, 768, 512},
				{2048, 2048, 1}} {
				if s == generic && shape.rows*shape.n > 2048 {
					shape.rows, shape.n = 64, 32 // its speed does not depend on them
				}
				b.Run(fmt.Sprintf("%s/%s/%dx%dx%d", s.Name, typ, shape.rows, shape.cols, shape.n), func(b *testing.B) {
					rng := random(1)
					w := randomMatrix(rng, typ, shape.rows, shape.cols)
					x := loaded(b, s, typ, randomFloats(rng, shape.n*shape.cols), shape.n, shape.cols)
					dst := make([]float32, shape.n*shape.rows)
					var scratch Scratch
					best := time.Hour
					const piece = 32 // rows: a task of the engine
					for b.Loop() {
						for r := 0; r < shape.rows; r += piece {
							start := time.Now()
							if err := s.MatMul(dst, shape.rows, w, x, r, r+piece, &scratch); err != nil {
								b.Fatal(err)
							}
							best = min(best, time.Since(start))
						}
					}
					ops := 2 * float64(shape.rows) * float64(shape.cols) * float64(shape.n)
					b.ReportMetric(ops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
					fastest := ops * piece / float64(shape.rows) / best.Seconds()
					b.ReportMetric(fastest/1e9, "best-GOP/s")
					peak := peaks.Int8
					if x.form == FormBF16 {
						peak = peaks.BF16
					} else if x.form.float() {
						peak = peaks.Float
					}
					b.ReportMetric(100*fastest/peak, "%peak")
					b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(shape.rows*shape.cols)/float64(b.N), "ns/weight")
				})
			}
		}
	}
}

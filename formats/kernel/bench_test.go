package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkMatMul reports GOP/s (a product and a sum are two operations) of one goroutine.
func BenchmarkMatMul(b *testing.B) {
	for _, s := range Available() {
		for _, row := range types {
			for _, shape := range []struct{ rows, cols, n int }{{2048, 2048, 512}, {256, 768, 512}, {2048, 2048, 1}} {
				if s == generic && shape.rows*shape.n > 2048 {
					shape.rows, shape.n = 64, 32 // its speed does not depend on them
				}
				b.Run(fmt.Sprintf("%s/%s/%dx%dx%d", s.Name, row.t, shape.rows, shape.cols, shape.n), func(b *testing.B) {
					rng := random(1)
					w := randomMatrix(rng, row.t, shape.rows, shape.cols)
					x := loaded(b, s, row.t, randomFloats(rng, shape.n*shape.cols), shape.n, shape.cols)
					dst := make([]float32, shape.n*shape.rows)
					var scratch Scratch
					b.ResetTimer()
					for b.Loop() {
						if err := s.MatMul(dst, shape.rows, w, x, 0, shape.rows, &scratch); err != nil {
							b.Fatal(err)
						}
					}
					ops := 2 * float64(shape.rows) * float64(shape.cols) * float64(shape.n) * float64(b.N)
					b.ReportMetric(ops/b.Elapsed().Seconds()/1e9, "GOP/s")
					b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(shape.rows*shape.cols)/float64(b.N), "ns/weight")
				})
			}
		}
	}
}

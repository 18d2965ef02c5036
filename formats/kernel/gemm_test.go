package kernel

import (
	"fmt"
	"math"
	"testing"
)

// TestGemm compares every set with sums in float64, with strides wider than the matrices and guards between rows.
func TestGemm(t *testing.T) {
	rng := random(5)
	for _, s := range Available() {
		for _, m := range []int{1, 2, 3, 5, 6, 7, 12, 13, 29} {
			for _, n := range []int{1, 5, 15, 16, 17, 33, 64} {
				for _, k := range []int{0, 1, 3, 4, 5, 64, 257} {
					for _, accumulate := range []bool{false, true} {
						lda, ldb, ldc := k+3, n+5, n+2
						a, b := randomFloats(rng, (m-1)*lda+k), randomFloats(rng, max(0, (k-1)*ldb+n))
						c := randomFloats(rng, (m-1)*ldc+n)
						before := append([]float32(nil), c...)
						s.Gemm(c, ldc, a, lda, b, ldb, m, n, k, accumulate)
						for at, got := range c {
							i, j := at/ldc, at%ldc
							if j >= n {
								if got != before[at] {
									t.Fatalf("%s: wrote between rows at %d", s.Name, at)
								}
								continue
							}
							var want, size float64
							if accumulate {
								want, size = float64(before[at]), math.Abs(float64(before[at]))
							}
							for l := range k {
								p := float64(a[i*lda+l]) * float64(b[l*ldb+j])
								want, size = want+p, size+math.Abs(p)
							}
							if math.Abs(float64(got)-want) > 1e-6*size {
								t.Fatalf("%s %dx%dx%d: C[%d,%d] is %g, not %g", s.Name, m, n, k, i, j, got, want)
							}
						}
					}
				}
			}
		}
	}
}

// BenchmarkGemm has the shapes of attention over 512 tokens with heads of 64: scores, then weights times values.
func BenchmarkGemm(b *testing.B) {
	for _, s := range Available() {
		for _, shape := range [][3]int{{512, 512, 64}, {512, 64, 512}, {1, 512, 64}} {
			m, n, k := shape[0], shape[1], shape[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name, m, n, k), func(b *testing.B) {
				rng := random(1)
				x, y, c := randomFloats(rng, m*k), randomFloats(rng, k*n), make([]float32, m*n)
				for b.Loop() {
					s.Gemm(c, n, x, k, y, n, m, n, k, false)
				}
				b.ReportMetric(2*float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
			})
		}
	}
}

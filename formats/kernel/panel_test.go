package kernel

import (
	"slices"
	"testing"
)

// TestGemmPanels: the product is that of Gemm, and no element depends on how many rows and columns are beside it.
func TestGemmPanels(t *testing.T) {
	rng := random(6)
	for _, s := range Available() {
		for _, m := range []int{1, 2, 3, 5, 6, 7, 12, 13, 48} {
			for _, n := range []int{16, 32, 80} {
				for _, k := range []int{0, 1, 3, 4, 5, 64, 200} {
					for _, accumulate := range []bool{false, true} {
						lda, ldc, step := k+3, n+2, 16*k+16
						a, b := randomFloats(rng, m*lda), randomFloats(rng, n/16*step)
						c := randomFloats(rng, m*ldc)
						want := slices.Clone(c)
						s.GemmPanels(c, ldc, a, lda, b, step, m, n, k, accumulate)
						rows := make([]float32, k*n)
						for l := range k {
							for j := range n {
								rows[l*n+j] = b[j/16*step+16*l+j%16]
							}
						}
						for i := range m {
							s.Gemm(want[i*ldc:], ldc, a[i*lda:], lda, rows, n, 1, n, k, accumulate)
						}
						if !slices.Equal(c, want) {
							t.Fatalf("%s %dx%dx%d, accumulate %v: differs from Gemm", s.Name, m, n, k, accumulate)
						}
					}
				}
			}
		}
	}
}

func TestPackPanel(t *testing.T) {
	rng := random(7)
	for _, s := range Available() {
		for rows := range 17 {
			for _, cols := range []int{0, 1, 7, 8, 9, 64, 80, 83} {
				stride := cols + 5
				src := randomFloats(rng, 16*stride)
				dst := randomFloats(rng, 16*cols)
				want := slices.Clone(dst)
				for r := range rows {
					for j := range cols {
						want[16*j+r] = src[r*stride+j]
					}
				}
				s.PackPanel(dst, src, stride, rows, cols)
				if !slices.Equal(dst, want) {
					t.Fatalf("%s: %d rows of %d: not their transpose", s.Name, rows, cols)
				}
			}
		}
	}
}

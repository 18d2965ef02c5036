package kernel

import (
	"fmt"
	"math"
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

// TestRunningSoftmax: a softmax taken in two parts, the first rescaled by exp(old top - new top).
func TestRunningSoftmax(t *testing.T) {
	for _, s := range Available() {
		if got := s.Max(nil); !math.IsInf(float64(got), -1) {
			t.Errorf("%s: the largest of none is %v", s.Name, got)
		}
		for _, n := range lengths() {
			x := scaled(randomFloats(random(uint64(n)), 2*n), 8)
			if n > 2 {
				x[n/2] = -inf
			}
			want := slices.Clone(x)
			s.Softmax(want, 1)
			part := func(x []float32, top float32) (got []float32, sum float64) {
				got = guarded(t, x, func(x []float32) { sum = s.ExpSum(x, top) })
				return got, sum
			}
			low := s.Max(x[:n])
			first, sum := part(x[:n], low)
			top := max(low, s.Max(x[n:]))
			if n > 0 && top != slices.Max(x) {
				t.Fatalf("%s: the largest of %d is %v, not %v", s.Name, 2*n, top, slices.Max(x))
			}
			second, more := part(x[n:], top)
			f := math.Exp(float64(low - top))
			first = guarded(t, first, func(x []float32) { s.Scale(x, float32(f)) })
			for i, v := range slices.Concat(first, second) {
				near(t, fmt.Sprint(s.Name, " element ", i, " of ", 2*n), float64(v)/(sum*f+more), float64(want[i]), 5e-6) // v-top is rounded: 40 * 2^-24
			}
		}
	}
}

package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestGemmPanels compares with sums in float64, with strides wider than the matrices; no element depends on how many
// rows and columns are beside it.
func TestGemmPanels(t *testing.T) {
	rng := random(6)
	for _, s := range Available() {
		for _, m := range []int{1, 2, 3, 5, 6, 7, 12, 13, 48} {
			for _, n := range []int{16, 32, 80} {
				for _, k := range []int{0, 1, 3, 4, 5, 64, 257} {
					for _, accumulate := range []bool{false, true} {
						lda, ldc, step := k+3, n+2, 16*k+16
						a, b := randomFloats(rng, m*lda), randomFloats(rng, n/16*step)
						before := randomFloats(rng, m*ldc)
						c, alone := slices.Clone(before), slices.Clone(before)
						s.GemmPanels(c, ldc, a, lda, b, step, m, n, k, accumulate)
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
								p := float64(a[i*lda+l]) * float64(b[j/16*step+16*l+j%16])
								want, size = want+p, size+math.Abs(p)
							}
							if !(math.Abs(float64(got)-want) <= 1e-6*size) {
								t.Fatalf("%s %dx%dx%d: C[%d,%d] is %g, not %g", s.Name, m, n, k, i, j, got, want)
							}
						}
						for i := range m {
							for j := 0; j < n; j += 16 {
								s.GemmPanels(alone[i*ldc+j:], ldc, a[i*lda:], lda, b[j/16*step:], step, 1, 16, k,
									accumulate)
							}
						}
						if !slices.Equal(c, alone) {
							t.Fatalf("%s %dx%dx%d, accumulate %v: elements depend on others", s.Name, m, n, k,
								accumulate)
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

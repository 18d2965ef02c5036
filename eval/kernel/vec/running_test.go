package vec

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestRunningSoftmax compares softmaxes taken in two parts with the definition in float64: rows of all lengths, none
// and beyond a part's vectors, hidden elements, a value beside the parts.
func TestRunningSoftmax(t *testing.T) {
	const stride = 208
	for _, s := range available() {
		for n := range 200 {
			seen := []int32{int32(n), int32(n / 2), 0, int32(n)}
			rows, width := len(seen), (n+16-1)/16*16
			parts := [2][]float32{}
			for i := range parts {
				parts[i] = scaled(randomFloats(random(uint64(n)), rows*stride), 8*float32(i+1))
			}
			for _, i := range []int{0, n / 3, n - 1} { // the last row
				if i >= 0 && i < n {
					parts[0][3*stride+i] = -inf
				}
			}
			const scale, beside = 0.7, 1.5
			var run RunningSoftmax
			run.Reset(rows)
			run.See(1, beside)
			var got [2][]float32
			var factors []float32
			for i, x := range parts {
				got[i] = guarded(t, x, func(x []float32) {
					copied := RunningSoftmax{slices.Clone(run.Top), slices.Clone(run.Sum), slices.Clone(run.Factor)}
					s.AddPart(&copied, x, stride, width, seen, scale)
				})
				s.AddPart(&run, slices.Clone(x), stride, width, seen, scale)
				factors = slices.Clone(run.Factor)
			}
			for r, n := range seen {
				what := fmt.Sprintf("%s: row %d of %d", s.Name, r, n)
				total := 0.0
				if r == 1 {
					total = math.Exp(beside)
				}
				for _, x := range parts {
					for _, v := range x[r*stride:][:n] {
						total += math.Exp(scale * float64(v))
					}
				}
				for i, x := range parts {
					f := 1.0
					if i == 0 {
						f = float64(factors[r])
					}
					for j, v := range x[r*stride:][:stride] {
						g := got[i][r*stride+j]
						switch {
						case j < int(n):
							exponent := max(scale*float64(v), -1000)
							// What is rounded: exponents, the largest one, powers.
							bound := math.Pow(2, -23) * (2 + math.Abs(exponent) + math.Abs(float64(run.Top[r])))
							near(t, fmt.Sprintf("%s: element %d of part %d", what, j, i), float64(g)*f/run.Sum[r],
								math.Exp(exponent)/total, bound)
						case j < width && g != 0, j >= width && g != v:
							t.Fatalf("%s: element %d behind part %d is %g", what, j, i, g)
						}
					}
				}
				if r == 2 && run.Sum[r] != 0 {
					t.Fatalf("%s: the sum of nothing is %g", what, run.Sum[r])
				}
			}
		}
	}
}

// TestPowers: of a part's largest element the power is 1, and every other's is near; those too small are 0 or as small.
func TestPowers(t *testing.T) {
	for _, s := range available() {
		x, worst := make([]float32, 16), 0.0
		var run RunningSoftmax
		for v := float32(0); v > -200; v -= 0.0371 {
			for i := range x {
				x[i] = v
			}
			x[3] = 0
			run.Reset(1)
			s.AddPart(&run, x, 16, 16, []int32{16}, 1)
			if x[3] != 1 {
				t.Fatalf("%s: 2^0 is %g", s.Name, x[3])
			}
			f := float32(math.Log2E) // as AddPart has it
			want := math.Exp2(float64(v) * float64(f))
			if want > 1.2e-38 {
				// The exponent is rounded, which tells in large ones.
				bound := 1.5*math.Pow(2, -23) + math.Abs(float64(v))*math.Pow(2, -24)
				worst = max(worst, math.Abs(float64(x[5])-want)/want/bound)
			} else if !(x[5] >= 0 && x[5] < 1.2e-38) {
				t.Fatalf("%s: exp(%g) is %g", s.Name, v, x[5])
			}
		}
		if worst > 1 {
			t.Errorf("%s: powers are off by %.3g of the bound", s.Name, worst)
		}
	}
}

// TestRunningSoftmaxNaN: what is no number is not hidden, wherever it stands: the sum is NaN.
func TestRunningSoftmaxNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, s := range available() {
		for _, odd := range []float32{nan, inf} {
			for n := range 40 {
				for at := range n {
					x := randomFloats(random(uint64(n)), 48)
					x[at] = odd
					var run RunningSoftmax
					run.Reset(1)
					if s.AddPart(&run, x, 48, 48, []int32{int32(n)}, 0.7); run.Sum[0] == run.Sum[0] {
						t.Fatalf("%s: with %g as element %d of %d the sum is %g", s.Name, odd, at, n, run.Sum[0])
					}
				}
			}
		}
		var run RunningSoftmax
		run.Reset(1)
		run.See(0, nan)
		if s.AddPart(&run, make([]float32, 16), 16, 16, []int32{9}, 1); run.Sum[0] == run.Sum[0] {
			t.Fatalf("%s: with a value of NaN beside the part the sum is %g", s.Name, run.Sum[0])
		}
	}
}

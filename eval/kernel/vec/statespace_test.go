package vec

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestSoftplus: over the whole range the functions are within a few units in the last place of the definition.
func TestSoftplus(t *testing.T) {
	var x []float32
	for v := float32(1e-9); v < 200; v *= 1.0013 {
		x = append(x, v, -v)
	}
	x = append(x, 0, 3e38, -3e38, inf, -inf)
	for _, s := range available() {
		for _, n := range []int{len(x), 1, 7, 8, 19} {
			soft, power := slices.Clone(x[len(x)-n:]), slices.Clone(x[len(x)-n:])
			s.Softplus(soft)
			s.Exp(power)
			for i, v := range x[len(x)-n:] {
				want := max(float64(v), 0) + math.Log1p(math.Exp(-math.Abs(float64(v))))
				if got := float64(soft[i]); !(math.Abs(got-want) <= 4e-7*want+1e-44) && got != want {
					t.Fatalf("%s: log(1+exp(%g)) is %g, want %g", s.Name, v, got, want)
				}
				want = math.Exp(float64(v))
				switch got := float64(power[i]); {
				case want < 0.999*Negligible && got != 0, want > 1.001*Negligible && want < math.MaxFloat32 &&
					!(math.Abs(got-want) <= 4e-7*want):
					t.Fatalf("%s: exp(%g) is %g, want %g", s.Name, v, got, want)
				}
			}
		}
	}
}

// TestStepState compares a step with its definition in float64, for states of any number of rows.
func TestStepState(t *testing.T) {
	for _, s := range available() {
		for n := 1; n < 40; n++ {
			for panels := 1; panels < 4; panels++ {
				r := random(uint64(100*n + panels))
				h, b, c := randomFloats(r, panels*n*panel), randomFloats(r, n), randomFloats(r, n)
				v, y := randomFloats(r, panels*panel), make([]float32, panels*panel)
				state := slices.Clone(h)
				s.StepState(state, y, v, b, c, 0.75, 0.5, -2)
				for j := range y {
					want := -2 * float64(v[j])
					for i := range n {
						at := j/panel*n*panel + i*panel + j%panel
						next := 0.75*float64(h[at]) + float64(b[i])*0.5*float64(v[j])
						within(t, fmt.Sprintf("%s: state %d of %d", s.Name, at, len(h)), float64(state[at]), next, 1e-6)
						want += float64(c[i]) * next
					}
					within(t, fmt.Sprintf("%s: output %d, %d rows", s.Name, j, n), float64(y[j]), want, 1e-5)
				}
			}
		}
	}
}

// TestDecayRows compares with the definition: products of all factors between a row and a column, from the column's own
// row on.
func TestDecayRows(t *testing.T) {
	const stride = 48
	for _, s := range available() {
		for rows := 1; rows < 40; rows++ {
			r := random(uint64(rows))
			src, gain, first := randomFloats(r, rows*stride), randomFloats(r, rows), randomFloats(r, panel)
			decay := randomFloats(r, rows)
			for i := range decay {
				decay[i] = float32(math.Abs(float64(decay[i])))
				gain[i] = float32(math.Abs(float64(gain[i])))
			}
			for i := range first {
				first[i] = float32(math.Abs(float64(first[i])))
			}
			dst, last := make([]float32, rows*stride), slices.Clone(first)
			s.DecayRows(dst, src, stride, decay, gain, last)
			want := make([]float64, panel)
			for i := range want {
				want[i] = float64(first[i])
			}
			for i := range rows {
				for j := range want {
					want[j] *= float64(decay[i])
					if i == j {
						want[j] += float64(gain[i])
					}
					within(t, fmt.Sprintf("%s: row %d of %d, column %d", s.Name, i, rows, j), float64(dst[i*stride+j]),
						want[j]*float64(src[i*stride+j]), 1e-5)
				}
				if slices.ContainsFunc(dst[i*stride+panel:(i+1)*stride], func(v float32) bool { return v != 0 }) {
					t.Fatalf("%s: row %d of %d is changed behind its columns", s.Name, i, rows)
				}
			}
			for j, w := range want {
				within(t, fmt.Sprintf("%s: factor %d", s.Name, j), float64(last[j]), w, 1e-5)
			}

			by, product := randomFloats(r, 2*panel), make([]float32, rows*2*panel)
			s.MulRows(product, src, by, rows)
			for i, v := range product {
				if v != src[i]*by[i%len(by)] {
					t.Fatalf("%s: product %d of %d rows is %g", s.Name, i, rows, v)
				}
			}
		}
		last := make([]float32, panel)
		s.DecayRows(make([]float32, 4*panel), make([]float32, 4*panel), panel, []float32{1, 1e-20, 1e-20, 1},
			[]float32{1, 1, 1, 1}, last)
		if last[0] != 0 || last[1] != 1e-20 {
			t.Errorf("%s: negligible factors: %v", s.Name, last)
		}
	}
}

// within fails unless got is as near to want as float32 sums of numbers around 1 are.
func within(t *testing.T, what string, got, want, bound float64) {
	t.Helper()
	if !(math.Abs(got-want) <= bound) {
		t.Fatalf("%s: %g, not %g", what, got, want)
	}
}

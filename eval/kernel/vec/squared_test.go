package vec

import (
	"math"
	"testing"
)

// TestXIELU: of every length, with usual and unusual parameters, xIELU is within a few units of 2^-24 of its terms.
func TestXIELU(t *testing.T) {
	var sweep []float32
	for v := float32(1e-9); v < 120; v *= 1.0037 {
		sweep = append(sweep, v, -v)
	}
	odd := []float32{0, float32(math.Copysign(0, -1)), -1e-30, 1e-42, 1e18, -1e20, -3e38, inf, float32(math.NaN()), -80, -81, -104}
	for _, f := range []XIELU{{0.8, 1.3, 0.5, -1e-6}, {0.7, 0.6, -0.03, -0.09}, {1.1, 0.9, 0.25, 0.07}, {0, 2, 0, 0}} {
		byDefinition := func(x float64) (y, terms float64) {
			beta := float64(f.Beta) * x
			if x > 0 {
				y = float64(f.Positive) * x
				return (y + float64(f.Beta)) * x, y*x + math.Abs(beta)
			}
			negative := float64(f.Negative)
			return negative*(math.Expm1(min(x, float64(f.Eps)))-x) + beta, negative*(1-x) + math.Abs(beta)
		}
		for _, s := range available() {
			check := func(x []float32) {
				t.Helper()
				got := guarded(t, x, func(x []float32) { s.XIELU(x, &f) })
				for i, v := range x {
					want, terms := byDefinition(float64(v))
					if math.Abs(want) > math.MaxFloat32 {
						want = float64(float32(want))
					}
					g := float64(got[i])
					if g == want || math.IsNaN(g) && math.IsNaN(want) {
						continue
					}
					if !(math.Abs(g-want) <= 4*math.Pow(2, -24)*terms+1e-38) {
						t.Fatalf("%s xIELU %v of %g: %g, not %g", s.Name, f, v, g, want)
					}
				}
			}
			for _, n := range lengths() {
				x := scaled(randomFloats(random(uint64(n)), n), 20)
				if n > len(odd) {
					copy(x[n-len(odd):], odd)
				}
				check(x)
			}
			check(sweep)
		}
	}
}

// TestReLUSquared: of every length, ReLU squared is the product of three float32 numbers, in all sets.
func TestReLUSquared(t *testing.T) {
	odd := []float32{0, -200, 1e-30, -1e-30, 1e-42, 3e38, -3e38, inf, -inf, float32(math.NaN())}
	for _, s := range available() {
		for _, n := range lengths() {
			rng := random(uint64(n))
			x, up := scaled(randomFloats(rng, n), 20), randomFloats(rng, n)
			if n > len(odd) {
				copy(x[n-len(odd):], odd)
			}
			gated := guarded(t, x, func(x []float32) { s.ReLUSquaredMul(x, up) })
			alone := guarded(t, x, func(x []float32) { s.ReLUSquaredMul(x, nil) })
			for i, v := range x {
				square := max(v, 0) * max(v, 0)
				for _, c := range [][2]float32{{gated[i], square * up[i]}, {alone[i], square}} {
					if c[0] != c[1] && (c[0] == c[0] || c[1] == c[1]) {
						t.Fatalf("%s: of %g and %g: %g, not %g", s.Name, v, up[i], c[0], c[1])
					}
				}
			}
		}
	}
}

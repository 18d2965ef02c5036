package vec

import (
	"math"
	"testing"
)

// activation is one of the functions, in float64. Rounding what its exponential takes makes an error that grows with
// that: slack is the error, in units of 2^-24 of the result.
type activation struct {
	name  string
	f     func(s *Set, x, up []float32)
	want  func(x, up float64) float64
	slack func(x float64) float64
}

func activationsUnderTest() []activation {
	const a = 1.5957691216057308 // 2√(2/π)
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	none := func(float64) float64 { return 0 }
	return []activation{
		{"SiLUMul", (*Set).SiLUMul, func(x, up float64) float64 { return x * sigmoid(x) * up }, none},
		{"SiLU", func(s *Set, x, _ []float32) { s.SiLUMul(x, nil) },
			func(x, _ float64) float64 { return x * sigmoid(x) }, none},
		{"GELUMul", (*Set).GELUMul, func(x, up float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 * up },
			func(x float64) float64 { return x * x }},
		{"GELU", func(s *Set, x, _ []float32) { s.GELUMul(x, nil) },
			func(x, _ float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }, func(x float64) float64 { return x * x }},
		{"GELUTanhMul", (*Set).GELUTanhMul,
			func(x, up float64) float64 { return x * sigmoid(a*x*(1+0.044715*x*x)) * up },
			func(x float64) float64 { return 4 * math.Abs(a*x*(1+0.044715*x*x)) }},
		{"SwiGLUOAIMul", func(s *Set, x, up []float32) { s.SwiGLUOAIMul(x, up, 0.8) },
			func(x, up float64) float64 {
				return min(x, float64(float32(0.8))) * sigmoid(1.702*min(x, float64(float32(0.8)))) *
					(1 + min(max(up, float64(float32(-0.8))), float64(float32(0.8))))
			}, func(x float64) float64 { return 3 * math.Abs(x) }},
		{"Sigmoid", func(s *Set, x, _ []float32) { s.Sigmoid(x) }, func(x, _ float64) float64 { return sigmoid(x) },
			none},
		{"SoftCap", func(s *Set, x, _ []float32) { s.SoftCap(x, 3) },
			func(x, _ float64) float64 { return 3 * math.Tanh(x/3) }, none},
	}
}

// TestActivations: of every length, and in fine steps from 1e-9 to 120 on both sides of 0, the functions are within ten
// units of 2^-24 and what rounding their arguments makes; absolutely within 2e-7 times the larger of |x| and 1, times
// 1+|up|.
func TestActivations(t *testing.T) {
	odd := []float32{0, -200, 200, -88, -88.8, 1e-30, -1e-30, 1e-42, 14.4, -14.4,
		1e20, -1e20, 3e38, -3e38, inf, -inf, float32(math.NaN())}
	var sweep []float32
	for v := float32(1e-9); v < 120; v *= 1.00037 {
		sweep = append(sweep, v, -v)
	}
	for _, s := range available() {
		for _, a := range activationsUnderTest() {
			check := func(x, up []float32) {
				t.Helper()
				got := guarded(t, x, func(x []float32) { a.f(s.Set, x, up) })
				for i := range x {
					x, up, got := float64(x[i]), float64(up[i]), float64(got[i])
					want := a.want(x, up)
					if math.Abs(want) > math.MaxFloat32 {
						want = float64(float32(want))
					}
					if got == want || math.IsNaN(got) && math.IsNaN(want) {
						continue
					}
					relative := (10+a.slack(x))*math.Pow(2,
						-24)*math.Abs(want) + 1e-34 // 1+exp(-x) may be too large for float32
					absolute := 2e-7 * max(1, math.Abs(x)) * (1 + math.Abs(up))
					if d := math.Abs(got - want); !(d <= min(relative, absolute)) {
						t.Fatalf("%s %s of %g, %g: %g, not %g", s.Name, a.name, x, up, got, want)
					}
				}
			}
			for _, n := range lengths() {
				rng := random(uint64(n))
				x, up := scaled(randomFloats(rng, n), 20), randomFloats(rng, n)
				if n > len(odd) {
					copy(x[n-len(odd):], odd)
				}
				check(x, up)
			}
			check(sweep, scaled(randomFloats(random(1), len(sweep)), 2))
		}
	}
}

// TestGELUAbsolute: where GELU bends, it is within 1e-7 times the larger of |x| and 1 of what math.Erf gives, in steps
// of 5e-5.
func TestGELUAbsolute(t *testing.T) {
	for _, s := range available() {
		worst := 0.0
		x := make([]float32, 1024)
		for start := -6.0; start < 6; start += 1024 * 5e-5 {
			for i := range x {
				x[i] = float32(start + float64(i)*5e-5)
			}
			y := append([]float32(nil), x...)
			s.GELUMul(y, nil)
			for i, v := range x {
				size := max(1, math.Abs(float64(v)))
				worst = max(worst, math.Abs(float64(y[i])-float64(v)*(1+math.Erf(float64(v)/math.Sqrt2))/2)/size)
			}
		}
		t.Logf("%s: %.2g", s.Name, worst)
		if worst > 1e-7 {
			t.Errorf("%s: GELU is off by %.2g", s.Name, worst)
		}
	}
}

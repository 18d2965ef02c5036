package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/formats/cpu"
)

var inf = float32(math.Inf(1))

// set is a Set with its name.
type set struct {
	Name string
	*Set
}

// available lists the sets that this CPU and build can run, slowest first, and then the portable one.
func available() (list []set) {
	for _, name := range cpu.Available() {
		list = append(list, set{name, For(name)})
	}
	return append(list, set{"portable", portable})
}

// others lists those that are compared with generic.
func others() []set { return available()[1:] }

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func randomFloats(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// lengths are those of slices under test: all short ones, then some around multiples of a vector.
func lengths() []int {
	var n []int
	for i := range 41 {
		n = append(n, i)
	}
	return append(n, 63, 64, 65, 255, 256, 257, 1000, 4096)
}

// guarded runs f on a copy of x that lies between guards, at every offset from 0 to 3, and checks the guards.
func guarded(t *testing.T, x []float32, f func(x []float32)) []float32 {
	t.Helper()
	const guard = 777
	var first []float32
	for offset := range 4 {
		all := make([]float32, len(x)+32)
		for i := range all {
			all[i] = guard
		}
		in := all[8+offset : 8+offset+len(x) : 8+offset+len(x)]
		copy(in, x)
		f(in)
		for i, v := range all {
			if (i < 8+offset || i >= 8+offset+len(x)) && v != guard {
				t.Fatalf("length %d: wrote outside, at %d", len(x), i-8-offset)
			}
		}
		if first == nil {
			first = in
		}
		for i := range in {
			if math.Float32bits(in[i]) != math.Float32bits(first[i]) {
				t.Fatalf("length %d: element %d depends on alignment: %g, %g", len(x), i, in[i], first[i])
			}
		}
	}
	return first
}

// near fails unless got is within relative of want, or within the smallest normal number.
func near(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if math.IsNaN(got) && math.IsNaN(want) || got == want {
		return
	}
	if d := math.Abs(got - want); !(d <= relative*math.Abs(want)+1e-37) {
		t.Fatalf("%s: %g, not %g (relative %g)", what, got, want, d/math.Abs(want))
	}
}

func scaled(x []float32, f float32) []float32 {
	for i := range x {
		x[i] *= f
	}
	return x
}

func TestSoftmax(t *testing.T) {
	for _, s := range available() {
		for _, n := range lengths() {
			for _, scale := range []float32{1, 0.125, 0, -1} {
				x := scaled(randomFloats(random(uint64(n)), n), 8)
				if n > 2 && scale > 0 {
					x[n/2] = -inf
				}
				got := guarded(t, x, func(x []float32) { s.Softmax(x, scale) })
				top := math.Inf(-1)
				for _, v := range x {
					top = max(top, float64(scale)*float64(v))
				}
				var sum, total float64
				for _, v := range x {
					sum += math.Exp(float64(scale)*float64(v) - top)
				}
				for i, v := range x {
					near(t, fmt.Sprint(s.Name, " softmax ", n, " of ", v), float64(got[i]),
						math.Exp(float64(scale)*float64(v)-top)/sum, 4e-6)
					total += float64(got[i])
				}
				if n > 0 {
					near(t, "total", total, 1, 1e-6)
				}
			}
		}
	}
}

// TestExp: a softmax of one large and one other value is their exponential; silu shows positive exponents.
func TestExp(t *testing.T) {
	for _, s := range available() {
		worst := 0.
		x := make([]float32, 8)
		for v := 0.; v > -110; v -= 0.00371 {
			for i := range x {
				x[i] = float32(v)
			}
			x[0] = 0
			s.Softmax(x, 1)
			sum := 1 + 7*math.Exp(float64(float32(v)))
			want := math.Exp(float64(float32(v))) / sum
			if want > 1.2e-38 { // normal numbers
				worst = max(worst, math.Abs(float64(x[5])-want)/want)
			} else if math.Abs(float64(x[5])-want) > 2e-45 { // one or two steps of the smallest
				t.Fatalf("%s: exp(%g) is %g, not %g", s.Name, v, x[5], want)
			}
		}
		if worst > 3*math.Pow(2, -23) {
			t.Errorf("%s: exp is off by %.2g, more than 3 units in the last place", s.Name, worst)
		}
	}
}

func TestLogSumExp(t *testing.T) {
	for _, s := range available() {
		for _, n := range append(lengths(), 152064) {
			x := scaled(randomFloats(random(uint64(n)), n), 5)
			var want float64
			for _, v := range x {
				want += math.Exp(float64(v))
			}
			guarded(t, x, func(x []float32) {
				near(t, fmt.Sprint(s.Name, " LogSumExp ", n), s.LogSumExp(x), math.Log(want), 1e-7)
			})
		}
		x := make([]float32, 20)
		for i := range x {
			x[i] = -inf
		}
		if v := s.LogSumExp(x); !math.IsInf(v, -1) {
			t.Errorf("%s: LogSumExp of -Inf is %g", s.Name, v)
		}
		x[9] = 3
		near(t, "LogSumExp of one number", s.LogSumExp(x), 3, 0)
		x[9] = inf
		if v := s.LogSumExp(x); !math.IsInf(v, 1) {
			t.Errorf("%s: LogSumExp with +Inf is %g", s.Name, v)
		}
	}
}

func TestRMSNorm(t *testing.T) {
	for _, s := range available() {
		for _, n := range lengths() {
			rng := random(uint64(n))
			x, gain := scaled(randomFloats(rng, n), 1e3), randomFloats(rng, n)
			var sum float64
			for _, v := range x {
				sum += float64(v) * float64(v)
			}
			scale := 1 / math.Sqrt(sum/float64(n)+1e-5)
			got := guarded(t, x, func(x []float32) { s.RMSNorm(x, x, gain, 1e-5) })
			for i := range got {
				near(t, fmt.Sprint(s.Name, " RMSNorm ", n), float64(got[i]), float64(x[i])*scale*float64(gain[i]), 5e-7)
			}
		}
	}
}

// TestLayerNorm: the mean is taken away before anything is rounded, however large it is.
func TestLayerNorm(t *testing.T) {
	for _, s := range available() {
		for _, n := range lengths()[1:] {
			for _, offset := range []float32{0, -3, 1e4} {
				rng := random(uint64(n))
				x, gain, bias := scaled(randomFloats(rng, n), 10), randomFloats(rng, n), randomFloats(rng, n)
				var mean, squares float64
				for i := range x {
					x[i] += offset
					mean += float64(x[i]) / float64(n)
				}
				for _, v := range x {
					squares += (float64(v) - mean) * (float64(v) - mean)
				}
				scale := 1 / math.Sqrt(squares/float64(n)+1e-5)
				for _, b := range [][]float32{bias, nil} {
					got := guarded(t, x, func(x []float32) { s.LayerNorm(x, x, gain, b, 1e-5) })
					for i := range got {
						want := (float64(x[i]) - mean) * scale * float64(gain[i])
						size := math.Abs(want)
						if b != nil {
							want += float64(b[i])
						}
						if d := math.Abs(float64(got[i]) - want); !(d <= 5e-7*size+1.2e-7*math.Abs(want)) {
							t.Fatalf("%s LayerNorm of %d around %g: %g, not %g", s.Name, n, offset, got[i], want)
						}
					}
				}
			}
		}
		s.LayerNorm(nil, nil, nil, nil, 1)
	}
}

func TestSumsAndProducts(t *testing.T) {
	for _, s := range others() {
		for _, n := range lengths() {
			rng := random(uint64(n))
			a, x, y := randomFloats(rng, n), randomFloats(rng, n), randomFloats(rng, n)
			for name, f := range map[string]func(s *Set, a []float32){
				"Add":        func(s *Set, a []float32) { s.Add(a, x) },
				"AddScaled":  func(s *Set, a []float32) { s.AddScaled(a, x, 0.37) },
				"Mul":        func(s *Set, a []float32) { s.Mul(a, x) },
				"AddProduct": func(s *Set, a []float32) { s.AddProduct(a, x, y) },
				"SumSquares": func(s *Set, a []float32) { s.SumSquares(a, x) },
			} {
				want := append([]float32(nil), a...)
				f(generic, want)
				got := guarded(t, a, func(a []float32) { f(s.Set, a) })
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s %s: %g, not %g", s.Name, name, got[i], want[i])
					}
				}
			}
		}
	}
}

func TestKLDivergence(t *testing.T) {
	for _, s := range available() {
		for _, n := range append(lengths(), 50001) {
			rng := random(uint64(n))
			p, q := scaled(randomFloats(rng, n), 4), make([]float32, n)
			for i := range q {
				q[i] = p[i] + 0.01*float32(rng.NormFloat64())
			}
			if n > 9 {
				p[3], q[3] = -inf, -inf
				p[4] = -500
			}
			var sumP, sumQ float64
			for i := range p {
				sumP += math.Exp(float64(p[i]))
				sumQ += math.Exp(float64(q[i]))
			}
			lseP, lseQ := math.Log(sumP), math.Log(sumQ)
			var want, size float64
			for i := range p {
				if w := math.Exp(float64(p[i]) - lseP); w > 0 {
					d := float64(p[i]) - lseP - (float64(q[i]) - lseQ)
					want, size = want+w*d, size+math.Abs(w*d)
				}
			}
			got := s.KLDivergence(p, q, lseP, lseQ)
			if !(math.Abs(got-want) <= 2e-7*size+1e-15) {
				t.Fatalf("%s: divergence of %d logits is %g, not %g", s.Name, n, got, want)
			}
			if n > 9 {
				q[8] = -inf
				if v := s.KLDivergence(p, q, lseP, lseQ); !math.IsInf(v, 1) {
					t.Fatalf("%s: divergence from an impossible token is %g", s.Name, v)
				}
			}
		}
	}
}

func TestRoPE(t *testing.T) {
	for _, s := range available() {
		for _, n := range []int{0, 1, 4, 8, 16, 32, 40, 64} { // pairs
			for _, interleaved := range []bool{false, true} {
				x := randomFloats(random(uint64(n)), 2*n+5)
				cos, sin := make([]float32, n), make([]float32, n)
				for i := range cos {
					cos[i], sin[i] = float32(math.Cos(float64(i+1))), float32(math.Sin(float64(i+1)))
				}
				got := guarded(t, x, func(x []float32) { s.RoPE(x, cos, sin, interleaved) })
				want := append([]float32(nil), x...)
				ropeGeneric(want, cos, sin, interleaved)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s: %d pairs, interleaved %v: element %d is %g, not %g", s.Name, n, interleaved, i,
							got[i], want[i])
					}
				}
				for i := range n {
					j, k := i, i+n
					if interleaved {
						j, k = 2*i, 2*i+1
					}
					length := math.Hypot(float64(x[j]), float64(x[k]))
					angle := math.Atan2(float64(x[k]), float64(x[j])) + float64(i+1)
					if math.Abs(float64(got[j])-length*math.Cos(angle)) > 1e-6 || math.Abs(float64(got[k])-length*math.Sin(angle)) > 1e-6 {
						t.Fatalf("%s: pair %d is not rotated by %d radians", s.Name, i, i+1)
					}
				}
			}
		}
	}
}

func BenchmarkVector(b *testing.B) {
	const n = 4096
	for _, s := range available() {
		rng := random(1)
		x, y, z := randomFloats(rng, n), randomFloats(rng, n), make([]float32, n)
		for name, f := range map[string]func(){
			"Softmax":        func() { copy(z, x); s.Softmax(z, 1) },
			"LogSumExp":      func() { s.LogSumExp(x) },
			"RMSNorm":        func() { s.RMSNorm(z, x, y, 1e-5) },
			"LayerNorm":      func() { s.LayerNorm(z, x, y, x, 1e-5) },
			"SiLUMul":        func() { copy(z, x); s.SiLUMul(z, y) },
			"SiLU":           func() { copy(z, x); s.SiLUMul(z, nil) },
			"GELUMul":        func() { copy(z, x); s.GELUMul(z, y) },
			"GELUTanhMul":    func() { copy(z, x); s.GELUTanhMul(z, y) },
			"SwiGLUOAIMul":   func() { copy(z, x); s.SwiGLUOAIMul(z, y, 7) },
			"ReLUSquaredMul": func() { copy(z, x); s.ReLUSquaredMul(z, y) },
			"XIELU":          func() { copy(z, x); s.XIELU(z, &XIELU{0.8, 1.3, 0.5, -1e-6}) },
			"Sigmoid":        func() { copy(z, x); s.Sigmoid(z) },
			"SoftCap":        func() { copy(z, x); s.SoftCap(z, 50) },
			"Add":            func() { s.Add(z, x) },
			"AddScaled":      func() { s.AddScaled(z, x, 0.5) },
			"Mul":            func() { s.Mul(z, x) },
			"AddProduct":     func() { s.AddProduct(z, x, y) },
			"KLDivergence":   func() { s.KLDivergence(x, y, 9, 9) },
		} {
			b.Run(s.Name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(n)/float64(b.N), "ns/value")
			})
		}
	}
}

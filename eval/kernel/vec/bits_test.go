package vec

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sameBits fails unless both have the same bits; all NaNs are one.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) && (v == v || got[i] == got[i]) {
			t.Fatalf("%s: element %d is %g (%#x), generic %g (%#x)", what, i, got[i], math.Float32bits(got[i]), v,
				math.Float32bits(v))
		}
	}
}

// fixed are the sets of this CPU whose bits are those of generic.
func fixed() (list []set) {
	for _, s := range available()[1:] {
		if s.Set != portable {
			list = append(list, set{s.Name, s.Fixed()})
		}
	}
	return list
}

// operation runs a function on numbers in three slices of a length, and returns all that it gives.
type operation struct {
	name string
	f    func(s *Set, x, y, z []float32) []float32
	sum  bool // over the slice: only Fixed has the bits of generic
}

func operations() []operation {
	single := func(v float64) []float32 {
		bits := math.Float64bits(v)
		return []float32{math.Float32frombits(uint32(bits)), math.Float32frombits(uint32(bits >> 32))}
	}
	list := []operation{
		{"Softmax", func(s *Set, x, _, _ []float32) []float32 { s.Softmax(x, 0.7); return x }, true},
		{"LogSumExp", func(s *Set, x, _, _ []float32) []float32 { return single(s.LogSumExp(x)) }, true},
		{"KLDivergence", func(s *Set, x, y, _ []float32) []float32 {
			return single(s.KLDivergence(x, y, generic.LogSumExp(x), generic.LogSumExp(y)))
		}, true},
		{"AddPart", func(s *Set, x, y, _ []float32) []float32 {
			n := len(x) / 16 * 16
			var r RunningSoftmax
			r.Reset(1)
			for _, part := range [][]float32{x, y} {
				s.AddPart(&r, part, n, n, []int32{int32(max(0, n-3))}, 0.7)
			}
			return slices.Concat(x, y, r.Top, r.Factor, single(r.Sum[0]))
		}, true},
		{"RMSNorm", func(s *Set, x, y, _ []float32) []float32 { s.RMSNorm(x, x, y, 1e-5); return x }, false},
		{"LayerNorm", func(s *Set, x, y, z []float32) []float32 { s.LayerNorm(x, x, y, z, 1e-5); return x }, false},
		{"Softplus", func(s *Set, x, _, _ []float32) []float32 { s.Softplus(x); return x }, false},
		{"Exp", func(s *Set, x, _, _ []float32) []float32 { s.Exp(x); return x }, false},
		{"ReLUSquaredMul", func(s *Set, x, y, _ []float32) []float32 { s.ReLUSquaredMul(x, y); return x }, false},
		{"XIELU", func(s *Set, x, _, _ []float32) []float32 {
			s.XIELU(x, &XIELU{0.8, 1.3, 0.5, -1e-6})
			return x
		}, false},
		{"RoPE", func(s *Set, x, y, z []float32) []float32 {
			n := len(x) / 2
			s.RoPE(x, y[:n], z[:n], len(x)%3 == 0)
			return x
		}, false},
		{"DeltaStep", func(s *Set, x, y, z []float32) []float32 {
			rows := len(x) / 16
			out := make([]float32, 16)
			s.DeltaStep(x[:16*rows], y[:rows], z[:rows], slices.Repeat([]float32{0.3, -1}, 8), out, 0.9, 0.4)
			return slices.Concat(x, out)
		}, false},
		{"StepState", func(s *Set, x, y, z []float32) []float32 {
			rows := len(x) / 16
			out := make([]float32, 16)
			s.StepState(x[:16*rows], out, slices.Repeat([]float32{0.3, -1}, 8), y[:rows], z[:rows], 0.9, 0.4, 0.2)
			return slices.Concat(x, out)
		}, false},
		{"DecayRows", func(s *Set, x, y, z []float32) []float32 {
			rows := len(x) / 16
			last := slices.Repeat([]float32{0.3, 1}, 8)
			s.DecayRows(x, slices.Clone(x), 16, y[:rows], z[:rows], last)
			return slices.Concat(x, last)
		}, false},
	}
	for _, a := range activationsUnderTest() {
		list = append(list, operation{a.name, func(s *Set, x, y, _ []float32) []float32 { a.f(s, x, y); return x }, false})
	}
	return list
}

// TestBits: every set has generic's bits, for all lengths and for numbers of all sizes.
func TestBits(t *testing.T) {
	for _, op := range operations() {
		for _, s := range append(fixed(), others()...) {
			if s.Set == portable || op.sum && s.Set != s.Fixed() {
				continue
			}
			for _, n := range lengths() {
				for _, size := range []float32{1, 8, 60} {
					rng := random(uint64(n))
					in := [3][]float32{}
					for i := range in {
						in[i] = scaled(randomFloats(rng, n), size)
					}
					run := func(s *Set) []float32 {
						return op.f(s, slices.Clone(in[0]), slices.Clone(in[1]), slices.Clone(in[2]))
					}
					sameBits(t, fmt.Sprint(s.Name, " ", op.name, " of ", n, " times ", size), run(s.Set), run(generic))
				}
			}
		}
	}
}

// TestBitsEverywhere: generic has the same bits on every architecture. Logarithms are those of package math, whose last
// bits may differ.
func TestBitsEverywhere(t *testing.T) {
	const want = "58fdb1013b223ebd"
	h, rng := sha256.New(), rand.New(rand.NewPCG(2, 0))
	for _, op := range operations() {
		if op.name == "LogSumExp" || op.name == "KLDivergence" {
			continue
		}
		var in [3][]float32
		for i := range in {
			for range 1003 {
				in[i] = append(in[i], float32(40*rng.Float32())-20)
			}
		}
		for _, v := range op.f(generic, in[0], in[1], in[2]) {
			if v != v {
				v = float32(math.NaN())
			}
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got[:16] != want {
		t.Errorf("the hash of all results is %s", got[:16])
	}
}

// TestFMA compares with the product and sum of 200 bits, also of numbers that make sums between two others.
func TestFMA(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	number := func() float32 {
		bits := rng.Uint32()
		if rng.IntN(2) == 0 {
			bits &= 0xff800000 | 0x7ff<<12 // few bits
		}
		if rng.IntN(3) > 0 {
			bits = bits&0x807fffff | (100+rng.Uint32N(50))<<23
		}
		return math.Float32frombits(bits)
	}
	for range 1000000 {
		x, y, z := number(), number(), number()
		want, list := exactFMA(x, y, z), []float32{FMA(x, y, z), fma(x, y, z)}
		if r, sure := TryFMA(x, y, z); sure {
			list = append(list, r)
		}
		for _, got := range list {
			if math.Float32bits(got) != math.Float32bits(want) && (got == got || want == want) {
				t.Fatalf("%g*%g+%g is %g, not %g", x, y, z, got, want)
			}
		}
	}
}

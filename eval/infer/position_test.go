package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint/arch"
)

// TestNormsAndRotation: queries and keys are normalized before they are rotated, or behind, or not at all, whole or in
// part, with either order of pairs, with factors and a magnitude, and not at all where there are no positions.
func TestNormsAndRotation(t *testing.T) {
	const heads, kvHeads, n, eps = 6, 2, 75, 1e-5
	factors := []float32{1, 1.5, 2, 8, 8}
	for _, c := range []struct {
		rope        *arch.Rope
		dims        int
		norms, late bool
		window      int
	}{
		{&arch.Rope{Base: 10000, Dims: 20}, 20, true, true, 0},
		{&arch.Rope{Base: 10000, Dims: 20}, 20, true, false, 7},
		{&arch.Rope{Base: 500, Dims: 12, Interleaved: true}, 20, true, true, 0},
		{&arch.Rope{Base: 500, Dims: 10, Interleaved: true, Scaling: "llama3", Factors: factors}, 12, true, false, 0},
		{&arch.Rope{Base: 500, Dims: 10, Scaling: "yarn", Factors: factors, Magnitude: 1.25}, 10, true, true, 19},
		{&arch.Rope{Base: 500, Dims: 8, Scaling: "linear", Factor: 4}, 8, false, false, 0},
		{nil, 16, true, true, 0}, {nil, 16, true, false, 3}, {nil, 9, false, true, 0},
	} {
		m := attentionModel(heads, kvHeads, c.dims, c.window)
		m.Config.NormEps = eps
		a, rng := attentionOfModel(m), rand.New(rand.NewPCG(uint64(c.dims), 1))
		a.rope, a.lateNorms = m.ropeOf(c.rope), c.late
		normal := func(n int, size, shift float64) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(shift + size*rng.NormFloat64())
			}
			return x
		}
		q, k, v := normal(n*heads*c.dims, 2, 0), normal(n*kvHeads*c.dims, 2, 0), normal(n*kvHeads*c.dims, 1, 0)
		if c.norms {
			a.qNorm, a.kNorm = normal(c.dims, 0.3, 1), normal(c.dims, 0.3, 1)
		}
		prepared := func(x, gain []float32, heads int) []float32 {
			y := make([]float32, len(x))
			for i := 0; i < len(x); i += c.dims {
				positionByDefinition(y[i:i+c.dims], x[i:i+c.dims], gain, c.rope, c.late, eps, i/c.dims/heads)
			}
			return y
		}
		want := attentionByDefinition(m, prepared(q, a.qNorm, heads), prepared(k, a.kNorm, kvHeads), v, n)
		for _, set := range kernel.Available() {
			for _, cuts := range [][]int{{n}, {1}, {13, 2}} {
				worst := 0.0
				for i, got := range attentionInPieces(t, m, set, 2, q, k, v, cuts...) {
					worst = max(worst, math.Abs(float64(got)-want[i]))
				}
				if !(worst < 1e-5) {
					t.Errorf("%s on %s, in pieces of %v: differs by %g", fmt.Sprintf("%+v", c), set.Name, cuts, worst)
				}
			}
		}
	}
}

// positionByDefinition sets y to one head x at a position, in float64.
func positionByDefinition(y, x, gain []float32, r *arch.Rope, late bool, eps float64, pos int) {
	z := make([]float64, len(x))
	for i, v := range x {
		z[i] = float64(v)
	}
	norm := func() {
		sum := 0.0
		for _, v := range z {
			sum += v * v
		}
		for i := range gain {
			z[i] *= float64(gain[i]) / math.Sqrt(sum/float64(len(z))+float64(float32(eps)))
		}
	}
	if !late {
		norm()
	}
	for i := 0; r != nil && i < r.Dims/2; i++ {
		angle, size := float64(pos)*math.Pow(r.Base, -2*float64(i)/float64(r.Dims)), 1.0
		if r.Scaling == "linear" {
			angle /= r.Factor
		}
		if r.Factors != nil {
			angle /= float64(r.Factors[i])
		}
		if r.Magnitude != 0 {
			size = r.Magnitude
		}
		first, second := i, i+r.Dims/2
		if r.Interleaved {
			first, second = 2*i, 2*i+1
		}
		sin, cos := math.Sincos(angle)
		a, b := z[first], z[second]
		z[first], z[second] = size*(a*cos-b*sin), size*(a*sin+b*cos)
	}
	if late {
		norm()
	}
	for i, v := range z {
		y[i] = float32(v)
	}
}

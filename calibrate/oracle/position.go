package oracle

import (
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	"bitmill/formats/checkpoint/arch"
)

// hidden is what the mask adds to the score of a key that a query must not see: exp of it is 0 in float32.
const hidden = -1e30

// causalMask is [n, n]: 0 where query i may see key j, else hidden. A query sees itself and the keys before it; with a
// sliding window only the last `window` of these, itself included.
func causalMask(n, window int) *tensors.Tensor {
	mask := make([]float32, n*n)
	for i := range n {
		for j := range n {
			if j > i || (window > 0 && i-j >= window) {
				mask[i*n+j] = hidden
			}
		}
	}
	return tensors.FromFlatDataAndDimensions(mask, n, n)
}

// ropeAngles are the cosines and sines, [n, headDim] each, of rotary position embedding (arXiv 2104.09864). Pair i of a
// head turns at position p by
//
//	angle = p / factor_i * base^(-2i/dims)
//
// with the scaling's factor_i. Both members of a pair have the pair's value. Dimensions from dims on do not turn.
func ropeAngles(k arch.Config, n int) (cosines, sines *tensors.Tensor) {
	r := k.Rope
	c, s := make([]float32, n*k.HeadDim), make([]float32, n*k.HeadDim)
	for i := range c {
		c[i] = 1
	}
	for i := range r.Dims / 2 {
		frequency := math.Pow(r.Base, -2*float64(i)/float64(r.Dims)) / ropeFactor(r, i)
		first, second := ropePair(r, i)
		for p := range n {
			sin, cos := math.Sincos(float64(p) * frequency)
			for _, d := range [2]int{first, second} {
				c[p*k.HeadDim+d], s[p*k.HeadDim+d] = float32(cos), float32(sin)
			}
		}
	}
	return tensors.FromFlatDataAndDimensions(c, n, k.HeadDim), tensors.FromFlatDataAndDimensions(s, n, k.HeadDim)
}

// ropeFactor is factor_i. Llama 3's is computed here from the configuration, if that is known (a GGUF file has only the
// factors): with wavelength w = 2π·base^(2i/dims) in tokens and context c of the first training,
//
//	w < c/high: 1      w > c/low: factor      between: 1/f mixed linearly in c/w from 1/factor to 1
func ropeFactor(r arch.Rope, i int) float64 {
	factor := 1.0
	if r.Scaling == "linear" {
		factor = r.Factor
	}
	switch {
	case r.Scaling == "llama3" && r.OriginalContext > 0 && r.HighFreq > r.LowFreq:
		turns := float64(r.OriginalContext) / (2 * math.Pi * math.Pow(r.Base, 2*float64(i)/float64(r.Dims)))
		smooth := min(max((turns-r.LowFreq)/(r.HighFreq-r.LowFreq), 0), 1)
		factor /= smooth + (1-smooth)/r.Factor
	case r.Factors != nil:
		factor *= float64(r.Factors[i])
	}
	return factor
}

// ropePair gives the two dimensions of a head that turn together as pair i.
func ropePair(r arch.Rope, i int) (first, second int) {
	if r.Interleaved {
		return 2 * i, 2*i + 1
	}
	return i, i + r.Dims/2
}

// rotation is the matrix R of x·R = (-second, first) for each pair, zero for the dimensions that do not turn.
func rotation(k arch.Config) *tensors.Tensor {
	d := k.HeadDim
	m := make([]float32, d*d)
	for i := range k.Rope.Dims / 2 {
		first, second := ropePair(k.Rope, i)
		m[second*d+first] = -1
		m[first*d+second] = 1
	}
	return tensors.FromFlatDataAndDimensions(m, d, d)
}

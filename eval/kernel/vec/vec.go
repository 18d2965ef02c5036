// Package vec holds the functions of vectors that a transformer needs beside its products: norms, activations,
// softmaxes, rotations, and sums over logits. They exist in plain Go, which is their meaning, and again for
// instruction sets.
//
// Functions that only multiply and add give the same bits in all sets, sums in float64 up to the order of additions;
// exponentials are within 2e-7 of the true ones.
package vec

// Set is one implementation. Its methods may be called from several goroutines at once; none allocates memory.
type Set struct {
	addPart      func(r *RunningSoftmax, x []float32, stride, width int, seen []int32, f float32)
	maximum      func(x []float32) float32
	scale        func(x []float32, f float32)
	softmax      func(x []float32, scale float32)
	logSumExp    func(x []float32) float64
	rmsNorm      func(dst, x, gain []float32, eps float32)
	add          func(dst, x []float32)
	addScaled    func(dst, x []float32, f float32)
	center       func(dst, x []float32)
	sumSquares   func(acc, x []float32)
	klDivergence func(p, q []float32, lseP, lseQ float64) float64
	rope         func(x, cos, sin []float32, interleaved bool)

	siluMul, geluMul, geluTanhMul func(gate, up []float32)
	swigluOAIMul                  func(gate, up []float32, limit float32)
	sigmoid                       func(x []float32)
	softCap                       func(x []float32, limit float32)
}

var generic = &Set{
	addPart:      addPartGeneric,
	maximum:      maximumGeneric,
	scale:        scaleGeneric,
	softmax:      softmaxGeneric,
	logSumExp:    logSumExpGeneric,
	rmsNorm:      rmsNormGeneric,
	add:          addGeneric,
	addScaled:    addScaledGeneric,
	center:       centerGeneric,
	sumSquares:   sumSquaresGeneric,
	klDivergence: klDivergenceGeneric,
	rope:         ropeGeneric,
	siluMul:      siluMulGeneric,
	geluMul:      geluMulGeneric,
	geluTanhMul:  geluTanhMulGeneric,
	swigluOAIMul: swigluOAIMulGeneric,
	sigmoid:      sigmoidGeneric,
	softCap:      softCapGeneric,
}

// For returns the Set of an instruction set by its name in formats/cpu; that of plain Go for one without.
func For(name string) *Set {
	if s := native[name]; s != nil {
		return s
	}
	return generic
}

// Package vec holds the vector functions that a transformer needs beside matrix products: norms, activations,
// softmaxes, rotations, and sums over logits. They exist in plain Go (*Generic), which defines their results, and again
// for instruction sets.
//
// Functions of single elements and of columns give the same bits in all sets. Exponentials are polynomials, exact to
// three units in the last place. Sums over a slice are in float64; AVX-512 adds in another order where there is an
// exponential (see Fixed).
package vec

import "cmp"

// Set is the vector functions of one instruction set. Its methods allocate nothing and may be called from several
// goroutines at once. Slices of one call have equal lengths unless stated otherwise.
type Set struct {
	addPart      func(r *RunningSoftmax, x []float32, stride, width int, seen []int32, f float32)
	maximum      func(x []float32) float32
	deltaStep    func(state, k, q, v, y []float32, decay, beta float32)
	scale        func(x []float32, f float32)
	softmax      func(x []float32, scale float32)
	logSumExp    func(x []float32) float64
	rmsNorm      func(dst, x, gain []float32, eps float32)
	add          func(dst, x []float32)
	addScaled    func(dst, x []float32, f float32)
	mul          func(dst, x []float32)
	addProduct   func(dst, x, y []float32)
	center       func(dst, x []float32)
	sumSquares   func(acc, x []float32)
	klDivergence func(p, q []float32, lseP, lseQ float64) float64
	rope         func(x, cos, sin []float32, interleaved bool)
	conv         convFuncs

	siluMul, geluMul, geluTanhMul func(gate, up []float32)
	reluSquaredMul                func(gate, up []float32)
	xielu                         func(x []float32, f *XIELU)
	swigluOAIMul                  func(gate, up []float32, limit float32)
	sigmoid                       func(x []float32)
	softCap                       func(x []float32, limit float32)

	stateSpace

	fixed *Set // see Fixed; nil: the set itself
}

var generic = &Set{
	addPart:        addPartGeneric,
	maximum:        maximumGeneric,
	deltaStep:      deltaStepGeneric,
	scale:          scaleGeneric,
	softmax:        softmaxGeneric,
	logSumExp:      logSumExpGeneric,
	rmsNorm:        rmsNormGeneric,
	add:            addGeneric,
	addScaled:      addScaledGeneric,
	mul:            mulGeneric,
	addProduct:     addProductGeneric,
	center:         centerGeneric,
	sumSquares:     sumSquaresGeneric,
	klDivergence:   klDivergenceGeneric,
	rope:           ropeGeneric,
	siluMul:        siluMulGeneric,
	geluMul:        geluMulGeneric,
	geluTanhMul:    geluTanhMulGeneric,
	swigluOAIMul:   swigluOAIMulGeneric,
	sigmoid:        sigmoidGeneric,
	reluSquaredMul: reluSquaredMulGeneric,
	xielu:          xieluGeneric,
	softCap:        softCapGeneric,

	stateSpace: genericStateSpace,
}

// Fixed is the set with sums over slices in one order: all its results have the same bits for every instruction set.
func (s *Set) Fixed() *Set { return cmp.Or(s.fixed, s) }

// For returns the Set for an instruction set, by its name in formats/cpu; for others, the one in plain Go.
func For(name string) *Set {
	if s := native[name]; s != nil {
		return s
	}
	return generic
}

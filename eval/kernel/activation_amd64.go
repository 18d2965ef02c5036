//go:build !purego

package kernel

// The generated functions take whole vectors, of eight or sixteen numbers; what is left of a slice is done by the
// functions of the next simpler set.

var activationsAVX2 = activations{
	siluMul:     inPairs(8, vectorSiLUMul, siluMulGeneric),
	geluMul:     inPairs(8, vectorGELUMul, geluMulGeneric),
	geluTanhMul: inPairs(8, vectorGELUTanhMul, geluTanhMulGeneric),
	swigluOAIMul: func(gate, up []float32, limit float32) {
		whole := len(gate) &^ 7
		if whole > 0 {
			vectorSwiGLUOAIMul(&gate[0], &up[0], whole, limit)
		}
		swigluOAIMulGeneric(gate[whole:], up[whole:], limit)
	},
	sigmoid: func(x []float32) {
		whole := len(x) &^ 7
		if whole > 0 {
			vectorSigmoid(&x[0], whole)
		}
		sigmoidGeneric(x[whole:])
	},
	softCap: func(x []float32, limit float32) {
		whole := len(x) &^ 7
		if whole > 0 {
			vectorCap(&x[0], whole, 2/limit, limit)
		}
		softCapGeneric(x[whole:], limit)
	},
}

var activationsAVX512 = activations{
	siluMul:     inPairs(16, wideSiLUMul, activationsAVX2.siluMul),
	geluMul:     inPairs(16, wideGELUMul, activationsAVX2.geluMul),
	geluTanhMul: inPairs(16, wideGELUTanhMul, activationsAVX2.geluTanhMul),
	swigluOAIMul: func(gate, up []float32, limit float32) {
		whole := len(gate) &^ 15
		if whole > 0 {
			wideSwiGLUOAIMul(&gate[0], &up[0], whole, limit)
		}
		activationsAVX2.swigluOAIMul(gate[whole:], up[whole:], limit)
	},
	sigmoid: func(x []float32) {
		whole := len(x) &^ 15
		if whole > 0 {
			wideSigmoid(&x[0], whole)
		}
		activationsAVX2.sigmoid(x[whole:])
	},
	softCap: func(x []float32, limit float32) {
		whole := len(x) &^ 15
		if whole > 0 {
			wideCap(&x[0], whole, 2/limit, limit)
		}
		activationsAVX2.softCap(x[whole:], limit)
	},
}

// inPairs makes a function of two slices from one of whole vectors of n numbers and one for what is left.
func inPairs(n int, vectors func(dst, x *float32, n int), rest func(dst, x []float32)) func(dst, x []float32) {
	return func(dst, x []float32) {
		whole := len(dst) &^ (n - 1)
		if whole > 0 {
			vectors(&dst[0], &x[0], whole)
		}
		rest(dst[whole:], x[whole:])
	}
}

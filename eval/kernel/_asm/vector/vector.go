// Command vector generates the vector functions: with AVX2, or with -wide those that gain with AVX-512, which are those
// with an exponential. Lengths are multiples of a vector's and not zero; the Go callers do the rest of a slice.
package vector

// Emit generates the functions for AVX2, or those that gain from AVX-512 for that.
func Emit(wide bool) {
	m := isa{wide: wide}
	m.expSum("ExpSum", "sets x[i] = exp(scale*x[i] - top) and returns the sum.", true)
	m.expSum("SumExp", "returns the sum of exp(scale*x[i] - top).", false)
	m.divergence()
	m.silu()
	m.geluTanh()
	m.gelu()
	m.swigluOAI()
	m.sigmoid()
	m.softCap()
	if !m.wide {
		m.maximum()
		m.scale()
		m.sum()
		m.sumOfSquares()
		m.shift()
		m.norm()
		m.add()
		m.addScaled()
		m.addSquares()
		m.rotateHalves()
		m.rotatePairs()
	}
}

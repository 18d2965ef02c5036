// Package vector generates the functions of float32 slices. Lengths are multiples of a vector's and not zero; the Go
// callers do the rest of a slice.
package vector

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

type functions struct{ Machine }

// Emit generates all functions for AVX2, and for AVX-512 those that gain from it: those with an exponential.
func Emit(to Machine) {
	m := functions{to}
	m.expSum("expSum", "sets x[i] = exp(scale*x[i] - top) and returns the sum.", true)
	m.expSum("sumExp", "returns the sum of exp(scale*x[i] - top).", false)
	m.divergence()
	m.silu()
	m.geluTanh()
	m.gelu()
	m.swigluOAI()
	m.sigmoid()
	m.softCap()
	m.xielu()
	if m.Wide() {
		return
	}
	m.reluSquared()
	m.maximum()
	m.scale()
	m.sum()
	m.sumOfSquares()
	m.shift()
	m.norm()
	m.add()
	m.addScaled()
	m.addSquares()
	m.mul()
	m.addProduct()
	m.rotateHalves()
	m.rotatePairs()
}

// constant is a number for all lanes: with AVX2 a vector in memory, with AVX-512 in one of its many registers.
func (m functions) constant(bits uint32) Op {
	if m.Wide() {
		return m.Load(Bits(bits))
	}
	return Bits(bits)
}

func (m functions) float(v float64) Op { return m.constant(math.Float32bits(float32(v))) }

// in is a constant in a register, not to be changed.
func (m functions) in(c Op) reg.VecVirtual {
	if r, ok := c.(reg.VecVirtual); ok {
		return r
	}
	return m.Load(c)
}

// polynomial returns the value of a polynomial at x by Horner's rule; coefficients are the highest first.
func (m functions) polynomial(coefficients []Op, x reg.VecVirtual) reg.VecVirtual {
	p := m.Load(coefficients[0])
	for _, c := range coefficients[1:] {
		VFMADD213PS(c, x, p)
	}
	return p
}

// loop emits a loop over n values, a vector at a time, with pointers moving along.
func (m functions) loop(body func(), pointers ...reg.Register) {
	Loop("loop", Arg("n"), m.Floats(), body, By(m.Bytes, pointers...))
}

// replace emits a loop in which f changes the vectors at p, and the end of the function.
func (m functions) replace(p reg.Register, f func(v reg.VecVirtual), others ...reg.Register) {
	m.loop(func() {
		v := m.Load(Mem{Base: p})
		f(v)
		VMOVUPS(v, Mem{Base: p})
	}, append(others, p)...)
	End()
}

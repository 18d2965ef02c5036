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
	if m.Wide() {
		return
	}
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

// kernel starts a function.
func (m functions) kernel(name, signature, doc string) {
	suffix := "AVX2"
	if m.Wide() {
		suffix = "AVX512"
	}
	Func(name+suffix, signature, doc)
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

// loop emits a loop over n values, a vector at a time, with the pointers moving along.
func (m functions) loop(n reg.GPVirtual, body func(), pointers ...reg.GPVirtual) {
	Label("loop")
	body()
	for _, p := range pointers {
		ADDQ(Imm(uint64(m.Bytes)), p)
	}
	SUBQ(Imm(uint64(m.Floats())), n)
	JNZ(LabelRef("loop"))
}

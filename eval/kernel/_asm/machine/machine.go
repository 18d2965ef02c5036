// Package machine writes vector code for several instruction sets: registers, constants, masks, arithmetic on lanes and
// reductions. A generator that takes a Machine writes the same algorithm at every width.
package machine

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Machine is an instruction set.
type Machine struct {
	Suffix string // of function names
	Bytes  int    // of a vector
}

// The machines.
var (
	AVX2   = Machine{"AVX2", 32}
	AVX512 = Machine{"AVX512", 64} // with the subsets that package cpu asks for
)

// Wide says that masks are registers of their own and that there are 32 vectors of 64 bytes.
func (m Machine) Wide() bool { return m.Bytes == 64 }

// Floats is the number of float32 lanes.
func (m Machine) Floats() int { return m.Bytes / 4 }

// Func starts a function of the machine; see Func.
func (m Machine) Func(name, signature, doc string) { Func(name+m.Suffix, signature, doc) }

// Func starts an assembly function without stack checks whose pointers do not escape.
func Func(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(name + " " + doc)
}

// End ends a function that used vectors.
func End() {
	VZEROUPPER()
	RET()
}

// Arg loads a parameter into a new register.
func Arg(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// Vec is a new vector register.
func (m Machine) Vec() reg.VecVirtual {
	if m.Wide() {
		return ZMM()
	}
	return YMM()
}

// Vectors returns n new vector registers.
func (m Machine) Vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = m.Vec()
	}
	return v
}

// Zero is a new register of zeros.
func (m Machine) Zero() reg.VecVirtual {
	v := m.Vec()
	Clear(v)
	return v
}

// Zeros returns n new registers of zeros.
func (m Machine) Zeros(n int) []reg.VecVirtual {
	v := m.Vectors(n)
	for _, v := range v {
		Clear(v)
	}
	return v
}

// Clear makes a vector zero.
func Clear(v reg.Register) { VXORPS(v, v, v) }

// Load is a new register filled from memory.
func (m Machine) Load(a Op) reg.VecVirtual {
	v := m.Vec()
	VMOVUPS(a, v)
	return v
}

// LoadMany returns n new registers filled from memory, one behind the other.
func (m Machine) LoadMany(n int, from Mem) []reg.VecVirtual {
	v := m.Vectors(n)
	for i, v := range v {
		VMOVUPS(from.Offset(m.Bytes*i), v)
	}
	return v
}

// Broadcast is a new register with one float32, from memory or the first lane of a register, in every lane.
func (m Machine) Broadcast(a Op) reg.VecVirtual {
	v := m.Vec()
	VBROADCASTSS(a, v)
	return v
}

// FloatArg is a parameter of type float32 in every lane, DoubleArg one of type float64.
func (m Machine) FloatArg(name string) reg.VecVirtual {
	x := XMM()
	Load(Param(name), x)
	return m.Broadcast(x)
}

func (m Machine) DoubleArg(name string) reg.VecVirtual {
	x, v := XMM(), m.Vec()
	Load(Param(name), x)
	VBROADCASTSD(x, v)
	return v
}

// IntArg is the lower half of an integer parameter in every lane.
func (m Machine) IntArg(name string) reg.VecVirtual {
	g, v := GP64(), m.Vec()
	Load(Param(name), g)
	if m.Wide() {
		VPBROADCASTD(g.As32(), v)
		return v
	}
	VMOVD(g.As32(), v.AsX())
	VPBROADCASTD(v.AsX(), v)
	return v
}

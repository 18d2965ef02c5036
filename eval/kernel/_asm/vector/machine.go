package vector

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

// isa is an instruction set: AVX2 with vectors of eight float32, or AVX-512 with vectors of sixteen.
type isa struct{ wide bool }

// floats is the length of a vector.
func (m isa) floats() int {
	if m.wide {
		return 16
	}
	return 8
}

func (m isa) vec() reg.VecVirtual {
	if m.wide {
		return ZMM()
	}
	return YMM()
}

// lower is the lower half of a vector.
func (m isa) lower(v reg.VecVirtual) reg.Register {
	if m.wide {
		return v.AsY()
	}
	return v.AsX()
}

// half is a new register of half a vector.
func (m isa) half() reg.VecVirtual {
	if m.wide {
		return YMM()
	}
	return XMM()
}

// kernel starts a function.
func (m isa) kernel(name, signature, doc string) {
	prefix := "vector"
	if m.wide {
		prefix = "wide"
	}
	machine.Kernel(prefix+name, signature, prefix+name+" "+doc)
}

func ret() {
	VZEROUPPER()
	RET()
}

var globals = map[uint32]Mem{}

// constant is a number for all lanes: with AVX2 a vector in memory, with AVX-512 in one of its many registers.
func (m isa) constant(name string, bits uint32) Op {
	g, ok := globals[bits]
	if !ok {
		g = GLOBL(name, RODATA|NOPTR)
		DATA(0, U32(bits))
		for i := 1; i < 8 && !m.wide; i++ {
			DATA(4*i, U32(bits))
		}
		globals[bits] = g
	}
	if !m.wide {
		return g
	}
	v := ZMM()
	VBROADCASTSS(g, v)
	return v
}

func (m isa) float(name string, v float64) Op {
	return m.constant(name, math.Float32bits(float32(v)))
}

// in is a constant in a register, not to be changed.
func (m isa) in(c Op) reg.VecVirtual {
	if r, ok := c.(reg.VecVirtual); ok {
		return r
	}
	return m.fresh(c)
}

// fresh is a copy of a constant.
func (m isa) fresh(c Op) reg.VecVirtual {
	v := m.vec()
	VMOVUPS(c, v)
	return v
}

// loop emits a loop over n values, a vector at a time, with the pointers moving along.
func (m isa) loop(n reg.GPVirtual, body func(), pointers ...reg.GPVirtual) {
	Label("loop")
	body()
	for _, p := range pointers {
		ADDQ(Imm(uint64(4*m.floats())), p)
	}
	SUBQ(Imm(uint64(m.floats())), n)
	JNZ(LabelRef("loop"))
}

// load reads a vector.
func (m isa) load(p reg.GPVirtual) reg.VecVirtual {
	v := m.vec()
	VMOVUPS(Mem{Base: p}, v)
	return v
}

// broadcast is a parameter of type float32 in all lanes.
func (m isa) broadcast(param string) reg.VecVirtual {
	x, v := XMM(), m.vec()
	Load(Param(param), x)
	VBROADCASTSS(x, v)
	return v
}

// broadcastDouble is a parameter of type float64 in all lanes.
func (m isa) broadcastDouble(param string) reg.VecVirtual {
	x, v := XMM(), m.vec()
	Load(Param(param), x)
	VBROADCASTSD(x, v)
	return v
}

func (m isa) xor(a Op, b, dst reg.VecVirtual) {
	if m.wide {
		VPXORD(a, b, dst)
	} else {
		VXORPS(a, b, dst)
	}
}

func (m isa) or(a Op, b, dst reg.VecVirtual) {
	if m.wide {
		VPORD(a, b, dst)
	} else {
		VORPS(a, b, dst)
	}
}

// doubles widens float32 to two vectors of float64.
func (m isa) doubles(x reg.VecVirtual) [2]reg.VecVirtual {
	d, top := [2]reg.VecVirtual{m.vec(), m.vec()}, m.half()
	if m.wide {
		VEXTRACTF64X4(U8(1), x, top)
	} else {
		VEXTRACTF128(U8(1), x, top)
	}
	VCVTPS2PD(m.lower(x), d[0])
	VCVTPS2PD(top, d[1])
	return d
}

// singles narrows two vectors of float64.
func (m isa) singles(d [2]reg.VecVirtual) reg.VecVirtual {
	x, top := m.vec(), m.half()
	if m.wide {
		VCVTPD2PS(d[0], m.lower(x))
		VCVTPD2PS(d[1], top)
		VINSERTF64X4(U8(1), top, x, x)
	} else {
		VCVTPD2PSY(d[0], m.lower(x))
		VCVTPD2PSY(d[1], top)
		VINSERTF128(U8(1), top, x, x)
	}
	return x
}

// accumulators are two vectors of float64 zeros.
func (m isa) accumulators() [2]reg.VecVirtual {
	acc := [2]reg.VecVirtual{m.vec(), m.vec()}
	VXORPD(acc[0], acc[0], acc[0])
	VXORPD(acc[1], acc[1], acc[1])
	return acc
}

// returnSum adds up the lanes of both accumulators and returns.
func (m isa) returnSum(acc [2]reg.VecVirtual) {
	VADDPD(acc[1], acc[0], acc[0])
	y := acc[0]
	if m.wide {
		y = YMM()
		VEXTRACTF64X4(U8(1), acc[0], y)
		VADDPD(acc[0].AsY(), y, y)
	}
	x := XMM()
	VEXTRACTF128(U8(1), y.AsY(), x)
	VADDPD(x, y.AsX(), x)
	VHADDPD(x, x, x)
	Store(x, ReturnIndex(0))
	ret()
}

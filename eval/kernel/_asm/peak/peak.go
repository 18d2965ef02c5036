// Command peak generates loops of nothing but the instructions that products and streams are made of, in registers.
package peak

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11,
	reg.Z12, reg.Z13, reg.Z14, reg.Z15,
}

// chains hide the instructions' latency.
const chains = 12

func Emit() {
	spin("spinInt8AVX2", "products and sums of 32 bytes", false, func(a, b, acc reg.VecVirtual) {
		t := YMM()
		VPMADDUBSW(a, b, t)
		VPADDW(t, acc, acc)
	})
	spin("spinFloatAVX2", "products and sums of 8 float32", false, func(a, b, acc reg.VecVirtual) { VFMADD231PS(a, b, acc) })
	spin("spinInt8AVX512", "products and sums of 64 bytes", true, func(a, b, acc reg.VecVirtual) { VPDPBUSD(a, b, acc) })
	spin("spinFloatAVX512", "products and sums of 16 float32", true, func(a, b, acc reg.VecVirtual) { VFMADD231PS(a, b, acc) })
	brain()
	read("readAVX2", false)
	read("readAVX512", true)
}

func vec(wide bool) reg.VecVirtual {
	if wide {
		return ZMM()
	}
	return YMM()
}

func zero(v reg.VecVirtual, wide bool) {
	if wide {
		VPXORD(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
}

func spin(name, doc string, wide bool, step func(a, b, acc reg.VecVirtual)) {
	machine.Kernel(name, "func(n int)", fmt.Sprintf("%s does n rounds of %d %s.", name, chains, doc))
	n := machine.Arg("n")
	a, b := vec(wide), vec(wide)
	zero(a, wide)
	zero(b, wide)
	acc := make([]reg.VecVirtual, chains)
	for i := range acc {
		acc[i] = vec(wide)
		zero(acc[i], wide)
	}
	Label(name + "_round")
	for _, v := range acc {
		step(a, b, v)
	}
	DECQ(n)
	JNZ(LabelRef(name + "_round"))
	VZEROUPPER()
	RET()
}

func brain() {
	machine.Kernel("spinBF16", "func(n int, zeros *uint32)", fmt.Sprintf("spinBF16 does n rounds of %d products and sums of 32 bfloat16.", chains))
	n, p := reg.RCX, reg.RAX
	Load(Param("n"), n)
	Load(Param("zeros"), p)
	for _, v := range zmm[:chains+1] {
		VPXORD(v, v, v)
	}
	Label("spinBF16_round")
	for _, v := range zmm[:chains] {
		machine.DotBF16(Mem{Base: p}, zmm[chains], v)
	}
	DECQ(n)
	JNZ(LabelRef("spinBF16_round"))
	VZEROUPPER()
	RET()
}

// read adds up a stream, so that every byte has arrived.
func read(name string, wide bool) {
	const bytes = 512
	machine.Kernel(name, "func(p *byte, n int) uint64", name+" returns the sum of the first 64-bit words of vectors' sums over n bytes, a multiple of 512.")
	p, n := machine.Arg("p"), machine.Arg("n")
	acc := make([]reg.VecVirtual, 8)
	for i := range acc {
		acc[i] = vec(wide)
		zero(acc[i], wide)
	}
	Label(name + "_loop")
	step := 32
	if wide {
		step = 64
	}
	for i := 0; i < bytes; i += step {
		v := acc[i/step%8]
		VPADDQ(Mem{Base: p, Disp: i}, v, v)
	}
	ADDQ(U32(bytes), p)
	SUBQ(U32(bytes), n)
	JNZ(LabelRef(name + "_loop"))
	for _, v := range acc[1:] {
		VPADDQ(v, acc[0], acc[0])
	}
	sum := GP64()
	VMOVQ(acc[0].AsX(), sum)
	Store(sum, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

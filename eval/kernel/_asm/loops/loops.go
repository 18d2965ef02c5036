// Package loops generates loops of nothing but the instructions that products and streams are made of, in registers.
package loops

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11,
	reg.Z12, reg.Z13, reg.Z14, reg.Z15,
}

// chains hide the instructions' latency.
const chains = 12

func Emit() {
	multiply("int8AVX2", "products and sums of 32 bytes", AVX2, func(a, b, acc reg.VecVirtual) {
		t := YMM()
		VPMADDUBSW(a, b, t)
		VPADDW(t, acc, acc)
	})
	fused := func(a, b, acc reg.VecVirtual) { VFMADD231PS(a, b, acc) }
	multiply("floatAVX2", "products and sums of 8 float32", AVX2, fused)
	multiply("int8AVX512", "products and sums of 64 bytes", AVX512, func(a, b, acc reg.VecVirtual) { VPDPBUSD(a, b, acc) })
	multiply("floatAVX512", "products and sums of 16 float32", AVX512, fused)
	bf16()
	read("readAVX2", AVX2)
	read("readAVX512", AVX512)
}

func multiply(name, doc string, m Machine, step func(a, b, acc reg.VecVirtual)) {
	Func(name, "func(n int)", fmt.Sprintf("does n rounds of %d %s.", chains, doc))
	a, b, acc := m.Zero(), m.Zero(), m.Zeros(chains)
	Repeat(name+"_round", Arg("n"), func() {
		for _, v := range acc {
			step(a, b, v)
		}
	})
	End()
}

func bf16() {
	Func("bf16AVX512", "func(n int, zeros *uint32)",
		fmt.Sprintf("does n rounds of %d products and sums of 32 bfloat16.", chains))
	n, p := reg.RCX, reg.RAX
	Load(Param("n"), n)
	Load(Param("zeros"), p)
	for _, v := range zmm[:chains+1] {
		VPXORD(v, v, v)
	}
	Repeat("bf16AVX512_round", n, func() {
		for _, v := range zmm[:chains] {
			DotBF16(Mem{Base: p}, zmm[chains], v)
		}
	})
	End()
}

// read adds up a stream, so that every byte has arrived.
func read(name string, m Machine) {
	const bytes = 512
	Func(name, "func(p *byte, n int) uint64",
		"returns the sum of the first 64-bit words of vectors' sums over n bytes, a multiple of 512.")
	p, n := Arg("p"), Arg("n")
	acc := m.Zeros(8)
	Label(name + "_loop")
	for i := 0; i < bytes; i += m.Bytes {
		v := acc[i/m.Bytes%8]
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
	End()
}

// Package row generates dot products of stored weight rows with one token: for few tokens a product reads each weight
// once, so blocks are unpacked in registers and meet the activations there.
//
// Rows lie one after the other, so a kernel reads one stream of memory, which the hardware prefetches: asking for lines
// ahead, at any distance, made every type slower (BF16 30 GB/s without, 17 to 28 with it, on a Zen 4 core). A block's
// integer sum stays spread over the lanes of a vector, is converted there and added to the row's float lanes with the
// block's scale; the lanes are summed at the end of the row.
package row

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/eval/kernel/_asm/machine"
)

// ISA is an instruction set to generate for: AVX2 with vectors of 32 bytes, or AVX-512 with VNNI, GFNI and VBMI and vectors of 64.
type ISA struct {
	Name string // ends the kernels' names
	Wide bool   // AVX-512
}

func (s ISA) vec() reg.VecVirtual {
	if s.Wide {
		return ZMM()
	}
	return YMM()
}

// size is a vector's length in bytes.
func (s ISA) size() int {
	if s.Wide {
		return 64
	}
	return 32
}

func (s ISA) and(a, b Op, dst reg.VecVirtual) {
	if s.Wide {
		VPANDD(a, b, dst)
	} else {
		VPAND(a, b, dst)
	}
}

func (s ISA) or(a, b Op, dst reg.VecVirtual) {
	if s.Wide {
		VPORD(a, b, dst)
	} else {
		VPOR(a, b, dst)
	}
}

// madd adds the products of pairs of int16 to the int32 lanes of acc.
func (s ISA) madd(a, b, acc reg.VecVirtual) {
	if s.Wide {
		VPDPWSSD(a, b, acc)
		return
	}
	t := YMM()
	VPMADDWD(a, b, t)
	VPADDD(t, acc, acc)
}

func (s ISA) zero(v reg.VecVirtual) {
	if s.Wide {
		VPXORD(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
}

var constants = map[string]Mem{}

// constant returns n bytes, a multiple of eight, of read-only memory, made when first asked for.
func constant(name string, n int, at func(i int) byte) Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	for i := 0; i < n; i += 8 {
		var v uint64
		for b := range 8 {
			v |= uint64(at(i+b)) << (8 * b)
		}
		DATA(i, U64(v))
	}
	constants[name] = m
	return m
}

// wordsOf returns n 16-bit numbers.
func wordsOf(name string, n int, at func(i int) uint16) Mem {
	return constant(name, 2*n, func(i int) byte { return byte(at(i/2) >> (8 * (i % 2))) })
}

// bytesOf returns 64 times the same byte.
func bytesOf(v byte) Mem {
	return constant(fmt.Sprintf("row_bytes%d", v), 64, func(int) byte { return v })
}

// load returns a vector filled from a constant.
func (s ISA) load(m Mem) reg.VecVirtual {
	v := s.vec()
	if s.Wide {
		VMOVDQU32(m, v)
	} else {
		VMOVDQU(m, v)
	}
	return v
}

// total sums the lanes of the accumulators and stores the sum to dst.
func total(acc []reg.VecVirtual, dst Mem) {
	sum := YMM()
	VXORPS(sum, sum, sum)
	for _, v := range acc {
		if v.Size() == 64 {
			high := YMM()
			VEXTRACTF64X4(U8(1), v, high)
			VADDPS(high, sum, sum)
		}
		VADDPS(v.AsY(), sum, sum)
	}
	x, y := XMM(), XMM()
	VEXTRACTF128(U8(1), sum, x)
	VADDPS(sum.AsX(), x, x)
	VMOVHLPS(x, x, y)
	VADDPS(y, x, x)
	VMOVSHDUP(x, y)
	VADDSS(y, x, x)
	VMOVSS(x, dst)
}

// eachRow emits a loop over rows around body, which leaves the pointer to weights at the next row.
func eachRow(name string, body func(dst reg.GPVirtual)) {
	dst, rows := machine.Arg("dst"), machine.Arg("rows")
	Label(name + "_row")
	body(dst)
	ADDQ(Imm(4), dst)
	DECQ(rows)
	JNZ(LabelRef(name + "_row"))
	VZEROUPPER()
	RET()
}

// Emit generates every kernel for an instruction set.
func Emit(s ISA) {
	for _, t := range Supers {
		t.Emit(s)
	}
	for _, t := range slices.Concat(Smalls, Tables) {
		t.Emit(s)
	}
	for _, t := range Floats {
		t.Emit(s)
	}
	fews := FewPairs
	if s.Wide {
		Uneven(s)
		fews = Fews
	}
	for _, t := range fews {
		t.Emit(s)
	}
}

// EmitPoints generates the kernels for AVX2 of types that are looked up or have three levels.
func EmitPoints(s ISA) {
	for _, t := range Points {
		t.Emit(s)
	}
}

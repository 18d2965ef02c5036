// Package row generates dot products of stored weight rows with one token: for few tokens a product reads each weight
// once, so blocks are unpacked and multiplied in registers.
//
// Rows lie one after the other, so a kernel reads one stream of memory, which the hardware prefetches: asking for lines
// ahead, at any distance, made every type slower (BF16 30 GB/s without, 17 to 28 with it, on a Zen 4 core). A block's
// integer sum stays spread over the lanes of a vector, is converted there and added to the row's float lanes with the
// block's scale; the lanes are summed at the end of the row.
package row

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// madd adds the products of pairs of int16 to the int32 lanes of acc.
func madd(m Machine, a, b, acc reg.VecVirtual) {
	if m.Wide() {
		VPDPWSSD(a, b, acc)
		return
	}
	t := YMM()
	VPMADDWD(a, b, t)
	VPADDD(t, acc, acc)
}

// total sums the lanes of the accumulators and stores the sum to dst.
func total(acc []reg.VecVirtual, dst Mem) {
	sum := AVX2.Zero()
	for _, v := range acc {
		if v.Size() == 64 {
			high := YMM()
			VEXTRACTF64X4(U8(1), v, high)
			VADDPS(high, sum, sum)
		}
		VADDPS(v.AsY(), sum, sum)
	}
	VMOVSS(Fold(sum, VADDPS), dst)
}

// eachRow emits a loop over rows. body leaves the pointer to weights at the next row.
func eachRow(name string, body func(dst reg.GPVirtual)) {
	dst, rows := Arg("dst"), Arg("rows")
	Repeat(name+"_row", rows, func() {
		body(dst)
	}, By(4, dst))
	End()
}

// Emit generates every kernel for an instruction set.
func Emit(s Machine) {
	for _, t := range KQuants {
		t.Emit(s)
	}
	for _, t := range slices.Concat(Legacies, Tables) {
		t.Emit(s)
	}
	for _, t := range FloatTypes {
		t.Emit(s)
	}
	types := Block64AVX2
	if s.Wide() {
		IQ4XS(s)
		types = Block64AVX512
	}
	for _, t := range types {
		t.Emit(s)
	}
}

// EmitCodebooks generates the kernels for AVX2 of types with a codebook or three values.
func EmitCodebooks() {
	for _, t := range Codebooks {
		t.Emit(AVX2)
	}
}

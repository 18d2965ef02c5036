package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

const iq4xsSignature = "func(dst *float32, w *byte, rows, blocks int, codes *int8, d *float32, starts *int32)"

// IQ4XS emits the kernel of IQ4_XS for AVX-512: codes of four bits that stand for the values of IQ4_NL, to which 128 is
// added so that none is negative; the numbers that sums of four products start from take it back.
func IQ4XS(s Machine) {
	const bytes, name = 136, "rowIQ4XSAVX512"
	Func(name, iq4xsSignature, "multiplies rows of IQ4_XS blocks with a token, whose codes lie as fours puts "+
		"them. starts are sums of four codes times -128.")
	w, values := Arg("w"), ZMM()
	VBROADCASTI32X4(Variable("nonlinear4"), values)
	VPXORD(Bytes(layout.Full), values, values)
	eachRow(name, func(dst reg.GPVirtual) {
		codes, d, starts, blocks := Arg("codes"), Arg("d"), Arg("starts"), Arg("blocks")
		sum := ZMM()
		Clear(sum)
		Repeat(name+"_block", blocks, func() {
			acc, x, all := iq4xsBlock(w, codes, starts, values), XMM(), ZMM()
			VPBROADCASTW(Mem{Base: w}, x)
			VCVTPH2PS(x, x)
			VMULSS(Mem{Base: d}, x, x)
			VBROADCASTSS(x, all)
			VCVTDQ2PS(acc, acc)
			VFMADD231PS(acc, all, sum)
			ADDQ(U32(bytes), w)
		}, By(256, codes, starts), By(4, d))
		total([]reg.VecVirtual{sum}, Mem{Base: dst})
	})
}

// iq4xsBlock returns the products of a block. Sixteen bytes hold a group of 32: first the low, then the high halves. A
// sum of four products may not fit 16 bits, so scales are words of 32 bits.
func iq4xsBlock(w, codes, starts reg.GPVirtual, values reg.VecVirtual) reg.VecVirtual {
	scales, nibble := iq4xsScales(w), Bytes(15)
	var half [2]reg.VecVirtual
	for i := range half {
		v, low, scale, sum := ZMM(), ZMM(), ZMM(), ZMM()
		VMOVDQU32(Mem{Base: w, Disp: 8 + 64*i}, v)
		VPANDD(nibble, v, low)
		VPSRLW(U8(4), v, v)
		VPANDD(nibble, v, v)
		VMOVDQU32(Mem{Base: starts, Disp: 128 * i}, sum)
		VPADDD(Mem{Base: starts, Disp: 128*i + 64}, sum, sum)
		for h, c := range []reg.VecVirtual{low, v} {
			VPSHUFB(c, values, c)
			VPDPBUSD(Mem{Base: codes, Disp: 128*i + 64*h}, c, sum)
		}
		VMOVDQU32(Table16(fmt.Sprintf("row_groups%d", i), 32, func(w int) uint16 {
			return uint16((1 - w%2) * (4*i + w/8))
		}), scale)
		VPERMD(scales.AsZ(), scale, scale)
		VPMULLD(scale, sum, sum)
		half[i] = sum
	}
	VPADDD(half[1], half[0], half[0])
	return half[0]
}

// iq4xsScales returns the scales of eight groups, less 32: four bytes hold their four low bits, a word their two high
// bits.
func iq4xsScales(w reg.GPVirtual) reg.VecVirtual {
	each := func(name string, at func(j int) int) Mem {
		return Table16("row_"+name, 16, func(i int) uint16 { return uint16((1 - i%2) * at(i/2)) })
	}
	low, high := YMM(), YMM()
	VPBROADCASTD(Mem{Base: w, Disp: 4}, low)
	VPSRLVD(each("low4", func(j int) int { return 4 * j }), low, low)
	VPAND(Bits(15), low, low)
	VPBROADCASTW(Mem{Base: w, Disp: 2}, high)
	VPSRLVD(each("high4", func(j int) int { return 12 + 2*j }), high, high) // of the upper word
	VPAND(Bits(48), high, high)
	VPOR(high, low, low)
	VPSUBD(Bits(32), low, low)
	return low
}

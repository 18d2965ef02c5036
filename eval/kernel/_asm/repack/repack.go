// Package repack generates the AVX-512 products of repacked weights (see repack_layout.go in package kernel) with one
// token, and the unpacking of repacked blocks to tiles.
//
// The lanes of a vector are sixteen repacked rows, so the sums and scales of all rows are computed at once: VPDPBUSD
// multiplies four columns of each row with four activation codes, broadcast from memory. A mask cuts code4s out of
// their bytes without moving them. Their shift is undone later, in the sums of 16 columns, or when two such sums of
// sixteen bits are put into one word to be multiplied with a pair of scales by VPDPWSSD.
package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// EmitKQuants generates the products of repacked k-quants with a token.
func EmitKQuants() {
	for _, t := range kquants {
		t.dot()
	}
}

// EmitLegacy generates the products of repacked blocks of 32 with a token.
func EmitLegacy() {
	for _, t := range legacies {
		t.dot()
	}
}

// EmitUnpack generates the unpacking of repacked rows to tiles.
func EmitUnpack() {
	for _, t := range kquants {
		t.unpack()
	}
	for _, t := range legacies {
		t.unpack()
	}
}

// EmitSigned generates the products of repacked types with signed codes.
func EmitSigned() {
	for _, t := range signeds {
		t.dot()
	}
}

// EmitUnpackSigned generates their unpacking.
func EmitUnpackSigned() {
	for _, t := range signeds {
		t.unpack()
	}
}

// accumulate adds integers times the scales of their rows, from the head, and of the token to sum.
func accumulate(total reg.VecVirtual, head Mem, d reg.GPVirtual, sum reg.VecVirtual) {
	VCVTDQ2PS(total, total)
	f := ZMM()
	VCVTPH2PS(head, f)
	VMULPS_BCST(Mem{Base: d}, f, f)
	VFMADD231PS(total, f, sum)
}

// startsFrom returns number i of starts in every lane.
func startsFrom(starts reg.GPVirtual, i int) reg.VecVirtual {
	v := ZMM()
	VPBROADCASTD(Mem{Base: starts, Disp: 4 * i}, v)
	return v
}

// masks are constants that a kernel loads into registers when it begins.
type masks map[uint32]reg.VecVirtual

func newMasks(values ...uint32) masks {
	m := masks{}
	for _, v := range values {
		if m[v] == nil {
			m[v] = AVX512.Load(Bits(v))
		}
	}
	return m
}

// bytesOf repeats a byte four times.
func bytesOf(b uint32) uint32 { return b * 0x01010101 }

// loop emits a loop over sixteens of rows around one over their blocks, perHead of which share a head. begin and end
// emit what is done before and after the blocks of sixteen rows, block what is done with a head and a body. All follow
// each other in memory.
func loop(name string, perHead, body int, begin func(), block func(head, body Mem), end func(dst Mem)) {
	dst, w, sixteens := Arg("dst"), Arg("w"), Arg("sixteens")
	blocks := GP64()
	Repeat(name+"_rows", sixteens, func() {
		Load(Param("blocks"), blocks)
		begin()
		Label(name + "_block")
		block(Mem{Base: w}, Mem{Base: w, Disp: layout.Vector})
		ADDQ(U32(uint32(layout.Vector+body)), w)
		DECQ(blocks)
		for i := 1; i < perHead; i++ {
			JZ(LabelRef(name + "_end"))
			block(Mem{Base: w, Disp: layout.Vector/perHead*i - layout.Vector - i*body}, Mem{Base: w})
			ADDQ(U32(uint32(body)), w)
			DECQ(blocks)
		}
		JNZ(LabelRef(name + "_block"))
		Label(name + "_end")
		end(Mem{Base: dst})
		ADDQ(U32(layout.Vector), dst)
	})
	End()
}

// Package strip generates the AVX-512 products of woven weights (see strip.go in package kernel) with one token, and the
// unpacking of woven blocks to tiles.
//
// The lanes of a vector are the sixteen rows of a strip, so sums and scales of all rows are made at once: VPDPBUSD
// multiplies four columns of each row with four activation codes, broadcast from memory. Quads stay where they lie in
// their bytes, and a mask cuts them out: what they are shifted by is taken back from the sums of 16 columns, or as two of
// those, of sixteen bits each, are put into one word to meet the pair of their scales in VPDPWSSD.
package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// EmitProducts generates the products of strips of k-quants with a token.
func EmitProducts() {
	for _, t := range supers {
		t.dot()
	}
}

// EmitSmalls generates those of blocks of 32.
func EmitSmalls() {
	for _, t := range smalls {
		t.dot()
	}
}

// EmitFills generates the unpacking of strips.
func EmitFills() {
	for _, t := range supers {
		t.fill()
	}
	for _, t := range smalls {
		t.fill()
	}
}

// EmitLevels generates the products of types of few levels.
func EmitLevels() {
	for _, t := range levels {
		t.dot()
	}
}

// EmitLevelFills generates their unpacking.
func EmitLevelFills() {
	for _, t := range levels {
		t.fill()
	}
}

// masks are constants in registers, loaded when a kernel begins.
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

// loop emits a loop over strips around one over their blocks, of which some share a head: begin, block and end emit
// what is done for a strip and for a block, whose head and body lie at the operands. Blocks and strips follow each other.
func loop(name string, perHead, body int, begin func(), block func(head, body Mem), end func(dst Mem)) {
	dst, w, strips := Arg("dst"), Arg("w"), Arg("strips")
	blocks := GP64()
	Label(name + "_strip")
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
	DECQ(strips)
	JNZ(LabelRef(name + "_strip"))
	End()
}

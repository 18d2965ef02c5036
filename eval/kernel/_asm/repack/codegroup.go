package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// group is how code4s of some bits lie in words: codeGroup in package kernel says it in full.
type group struct {
	words  int
	shifts []int // of the slots
}

var codeGroups = map[int]group{
	2: {1, []int{0, 2, 4, 6}},
	3: {3, []int{0, 3, 0, 3, 0, 3, 5, 5}},
	4: {1, []int{0, 4}},
	5: {5, []int{0, 0, 0, 0, 0, 3, 3, 3}},
	6: {3, []int{0, 0, 0, 2}},
	8: {1, []int{0}},
}

// groupMasks are the masks that unpackBits needs.
func groupMasks(bits int) (list []uint32) {
	for _, shift := range codeGroups[bits].shifts {
		list = append(list, bytesOf(1<<(shift+bits)-1<<shift))
	}
	switch bits {
	case 3:
		list = append(list, bytesOf(0xc0))
	case 5:
		list = append(list, bytesOf(0xe0), bytesOf(0xf0))
	case 6:
		list = append(list, bytesOf(0xc0), bytesOf(0xf0))
	}
	return list
}

// unpackBits unpacks a group and calls use for each slot, with its codes shifted as they lie.
func unpackBits(bits int, m masks, at Mem, use func(slot int, v reg.VecVirtual)) {
	s := codeGroups[bits]
	w := make([]reg.VecVirtual, s.words)
	for i := range w {
		w[i] = AVX512.Load(at.Offset(layout.Vector * i))
	}
	cut := func(slot int, v reg.VecVirtual) {
		c := ZMM()
		VPANDD(m[bytesOf(1<<(s.shifts[slot]+bits)-1<<s.shifts[slot])], v, c)
		use(slot, c)
	}
	// over returns the bits of upper where the mask has ones, and where it has none those of lower shifted right.
	over := func(mask uint32, upper, lower reg.VecVirtual, shift int) reg.VecVirtual {
		v := ZMM()
		VPSRLW(U8(uint8(shift)), lower, v)
		VPTERNLOGD(U8(0xd8), m[bytesOf(mask)], upper, v)
		return v
	}
	switch bits {
	case 2, 4:
		for p := range s.shifts {
			cut(p, w[0])
		}
	case 3:
		for i := range 3 {
			cut(2*i, w[i])
			cut(2*i+1, w[i])
		}
		cut(6, over(0xc0, w[0], w[2], 2))
		cut(7, over(0xc0, w[1], w[2], 1))
	case 5:
		for i := range 5 {
			cut(i, w[i])
		}
		cut(5, over(0xe0, w[0], w[3], 3))
		cut(6, over(0xe0, w[1], w[4], 3))
		cut(7, over(0xf0, over(0xe0, w[2], w[3], 1), w[4], 2))
	case 6:
		for i := range 3 {
			cut(i, w[i])
		}
		cut(3, over(0xf0, over(0xc0, w[0], w[1], 2), w[2], 4))
	default:
		use(0, w[0])
	}
}

package row

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// twoBits multiplies types with two low bits per code, four in a byte, and at most one high bit, with AVX-512. The 64
// bytes of low bits are one vector v: part j has codes 32j.. in its lower half and codes 128+32j.. in its upper half,
// and so have the activations. A mask takes parts 0 and 1 from bits 0-1 and 2-3 of v, parts 2 and 3 from those of v >>
// 4: odd parts count four times, which a shift of the sums of sixteen bits undoes. Matrices, multiplications and sums
// of products share two of a Zen 4 core's four pipes, so a mask instead of a matrix leaves more room there.
type twoBits struct {
	Machine
	KQuant
	block  reg.GPVirtual
	masks  [2]reg.VecVirtual
	matrix [4]reg.VecVirtual // moves the high bit of part j above its low bits
}

func (t KQuant) newTwoBits(s Machine, block reg.GPVirtual) *twoBits {
	u := &twoBits{Machine: s, KQuant: t, block: block}
	for i := range u.masks {
		u.masks[i] = s.Load(Bytes(3 << (2 * i)))
	}
	if t.high.mask != 0 {
		m := newUnpacker(s, block)
		for j := range u.matrix {
			to := 2 + 2*(j%2)
			u.matrix[j] = m.moves(field{shift: func(half int) int { return t.high.shift(j + 4*half) }, to: to, mask: 1 << to}, 0)
		}
	}
	return u
}

// products is KQuant.products.
func (u *twoBits) products(scale func(i int) reg.VecVirtual, codes reg.GPVirtual, acc reg.VecVirtual) {
	if u.offset == 0 {
		Clear(acc)
	}
	at := Mem{Base: u.block, Disp: u.low.at(0)}
	low := [2]reg.VecVirtual{ZMM(), ZMM()}
	VMOVDQU32(at, low[0].AsY())
	VINSERTI64X4(U8(1), at.Offset(32), low[0], low[0]) // faster than one load, which would lie in two cache lines
	VPSRLW(U8(4), low[0], low[1])
	high := ZMM()
	if u.high.mask != 0 {
		VBROADCASTI64X4(Mem{Base: u.block, Disp: u.high.at(0)}, high)
	}
	for i := range 2 { // parts i and i+2
		four := [2]reg.VecVirtual{ZMM(), ZMM()}
		for h, sum := range four {
			c, j := ZMM(), i+2*h
			if u.high.mask != 0 {
				VGF2P8AFFINEQB(U8(0), u.matrix[j], high, c)
				VPTERNLOGD(U8(0xd8), u.masks[i], low[h], c) // the mask's bits from low
			} else {
				VPANDD(u.masks[i], low[h], c)
			}
			Clear(sum)
			VPDPBUSD(Mem{Base: codes, Disp: 64 * j}, c, sum) // 4 x 28 x 128 fits 16 bits
		}
		VPACKSSDW(four[1], four[0], four[0])
		if i == 1 {
			VPSRAW(U8(2), four[0], four[0])
		}
		madd(u.Machine, four[0], scale(i), acc)
	}
}

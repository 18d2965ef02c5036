package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unpacker turns the bits of a block into bytes.
type unpacker struct {
	ISA
	block  reg.GPVirtual
	mask   map[byte]reg.VecVirtual
	shared map[int]reg.VecVirtual // bytes that several pieces share, by their place
}

func newUnpacker(s ISA, block reg.GPVirtual, fields ...field) unpacker {
	u := unpacker{s, block, map[byte]reg.VecVirtual{}, nil}
	for _, f := range fields {
		if f.mask != 0 {
			u.mask[f.mask] = s.load(bytesOf(f.mask))
		}
	}
	return u
}

// codes unpacks piece j, and piece j+1 in a wide vector.
func (u *unpacker) codes(low, high field, j int) reg.VecVirtual {
	c := u.vec()
	if high.mask == 0 {
		u.and(u.bits(low, j), u.mask[low.mask], c)
		return c
	}
	u.and(u.bits(high, j), u.mask[high.mask], c)
	u.andOr(u.bits(low, j), u.mask[low.mask], c)
	return c
}

// bits loads a field of piece j and moves it to its place; other bits are left beside it.
func (u *unpacker) bits(f field, j int) reg.VecVirtual {
	from := u.bytes(f, j)
	right := f.shift(j) - f.to
	v := u.vec()
	switch {
	case u.Wide && f.shift(j+1)-f.to != right:
		second := f.shift(j+1) - f.to
		VPRORVQ(u.rotation(right, second), from, v)
	case right > 0:
		VPSRLW(U8(right), from, v)
	case right < 0:
		VPSLLW(U8(-right), from, v)
	default:
		return from
	}
	return v
}

// rotation is the constant that rotates the halves of a wide vector to the right by different numbers of bits.
func (u *unpacker) rotation(first, second int) Mem {
	return constant(fmt.Sprintf("row_rotate%d_%d", first&63, second&63), 64, func(i int) byte {
		switch i {
		case 0, 8, 16, 24:
			return byte(first & 63)
		case 32, 40, 48, 56:
			return byte(second & 63)
		}
		return 0
	})
}

// bytes loads the bytes that hold a field of piece j; a wide vector has those of piece j+1 in its upper half.
func (u *unpacker) bytes(f field, j int) reg.VecVirtual {
	at := f.at(j)
	if v, ok := u.shared[at]; ok {
		return v
	}
	v, m := u.vec(), Mem{Base: u.block, Disp: at}
	switch {
	case !u.Wide:
		VMOVDQU(m, v)
	case f.at(j+1) == at:
		VBROADCASTI64X4(m, v)
	default:
		VMOVDQU32(m, v)
	}
	u.shared[at] = v
	return v
}

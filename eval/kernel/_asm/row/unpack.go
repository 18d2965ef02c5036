package row

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
)

// unpacker turns the bits of a block into bytes.
type unpacker struct {
	Machine
	block  reg.GPVirtual
	mask   map[byte]reg.VecVirtual   // AVX2
	matrix map[uint64]reg.VecVirtual // AVX-512
	shared map[int]reg.VecVirtual    // bytes that several parts share, by their place
}

func newUnpacker(s Machine, block reg.GPVirtual, fields ...field) *unpacker {
	u := &unpacker{s, block, map[byte]reg.VecVirtual{}, map[uint64]reg.VecVirtual{}, nil}
	for _, f := range fields {
		switch {
		case f.mask == 0:
		case s.Wide():
			for j := 0; j < 8; j += 2 {
				u.moves(f, j)
			}
		default:
			u.mask[f.mask] = s.Load(Bytes(f.mask))
		}
	}
	return u
}

// codes unpacks part j, and part j+1 in a wide vector.
func (u *unpacker) codes(low, high field, j int) reg.VecVirtual {
	c := u.bits(low, j)
	if high.mask == 0 {
		return c
	}
	h := u.bits(high, j)
	u.POr(c, c, h)
	return c
}

// bits loads a field of part j and moves it to its place in bytes that are otherwise zero.
func (u *unpacker) bits(f field, j int) reg.VecVirtual {
	from, v := u.bytes(f, j), u.Vec()
	if u.Wide() {
		VGF2P8AFFINEQB(U8(0), u.moves(f, j), from, v)
		return v
	}
	right := f.shift(j) - f.to
	switch {
	case right > 0:
		VPSRLW(U8(right), from, v)
		from = v
	case right < 0:
		VPSLLW(U8(-right), from, v)
		from = v
	}
	VPAND(from, u.mask[f.mask], v)
	return v
}

// moves is the matrix that moves a field of parts j and j+1 to its place within each byte: byte 7-i of a matrix selects
// the bits whose sum becomes bit i.
func (u *unpacker) moves(f field, j int) reg.VecVirtual {
	var m [2]uint64
	for h := range m {
		for i := range 8 {
			if f.mask>>i&1 == 1 {
				m[h] |= 1 << (i - f.to + f.shift(j+h)) << (8 * (7 - i))
			}
		}
	}
	key := m[0] ^ m[1]*3
	if _, ok := u.matrix[key]; !ok {
		u.matrix[key] = u.Load(Table(fmt.Sprintf("row_matrix_%x", key), 64, func(i int) byte {
			return byte(m[i/32] >> (8 * (i % 8)))
		}))
	}
	return u.matrix[key]
}

// bytes loads the bytes that hold a field of part j; a wide vector has those of part j+1 in its upper half.
func (u *unpacker) bytes(f field, j int) reg.VecVirtual {
	at := f.at(j)
	if v, ok := u.shared[at]; ok {
		return v
	}
	v, m := u.Vec(), Mem{Base: u.block, Disp: at}
	switch {
	case !u.Wide():
		VMOVDQU(m, v)
	case f.at(j+1) == at:
		VBROADCASTI64X4(m, v)
	default:
		VMOVDQU32(m, v)
	}
	u.shared[at] = v
	return v
}

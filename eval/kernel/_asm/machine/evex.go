package machine

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// DotBF16 emits VDPBF16PS, which neither avo nor Go's assembler knows: acc += w[2i]*m[0] + w[2i+1]*m[1] in the sixteen
// lanes i, m a pair of bfloat16 broadcast from memory. As its bytes are fixed here, all registers are physical, and the
// function around it uses no virtual ones.
func DotBF16(m Mem, w, acc reg.VecPhysical) {
	emit(evex(0x52, m, w, acc))
}

// evex encodes an instruction of EVEX.512.F3.0F38.W0 with a 32-bit broadcast operand and a displacement of 32 bits
// (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, 2.7).
func evex(opcode byte, m Mem, w, acc reg.VecPhysical) []byte {
	base := m.Base.(reg.Physical).PhysicalIndex()
	index, scale := reg.Index(4), byte(0) // 4: none
	if m.Index != nil {
		index = m.Index.(reg.Physical).PhysicalIndex()
		for 1<<scale < m.Scale {
			scale++
		}
	}
	a, v := number(acc), number(w)
	inverted := func(bit, n reg.Index, to byte) byte {
		if n&bit == 0 {
			return 1 << to
		}
		return 0
	}
	d := uint32(int32(m.Disp))
	return []byte{
		0x62,
		inverted(8, a, 7) | inverted(8, index, 6) | inverted(8, base, 5) | inverted(16, a, 4) | 2,
		byte(^v&15)<<3 | 1<<2 | 2,
		2<<5 | 1<<4 | inverted(16, v, 3),
		opcode,
		2<<6 | byte(a&7)<<3 | 4,
		scale<<6 | byte(index&7)<<3 | byte(base&7),
		byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24),
	}
}

func number(r reg.VecPhysical) reg.Index { return r.PhysicalIndex() }

// emit writes bytes into the instruction stream.
func emit(b []byte) {
	word := func(opcode string, n int) {
		var v uint64
		for i := range n {
			v |= uint64(b[i]) << (8 * i)
		}
		op := Op(U32(v))
		if n == 1 {
			op = U8(v)
		} else if n == 2 {
			op = U16(v)
		}
		Instruction(&ir.Instruction{Opcode: opcode, Operands: []Op{op}})
		b = b[n:]
	}
	for len(b) >= 4 {
		word("LONG", 4)
	}
	if len(b) >= 2 {
		word("WORD", 2)
	}
	if len(b) == 1 {
		word("BYTE", 1)
	}
}

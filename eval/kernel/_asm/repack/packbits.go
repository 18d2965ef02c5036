package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// packing is an order of code4s in code groups.
type packing struct {
	name  string
	bits  int
	n     int // code4s of a block
	code4 func(group, slot int) int
}

var packings = []packing{
	{"2", 2, 64, inGroups(4)},
	{"3", 3, 64, inGroups(8)},
	{"4", 4, 64, inGroups(2)},
	{"5", 5, 64, inGroups(8)},
	{"6", 6, 64, inGroups(4)},
	{"Q4K", 4, 64, func(group, slot int) int { return group/8*16 + 8*slot + group%8 }},
	{"Legacy4", 4, 8, inFours},
	{"Legacy5", 5, 8, func(_, slot int) int { return slot }},
}

// EmitPackBits generates what makes the words of repacked rows.
func EmitPackBits() {
	for _, t := range packings {
		t.emit()
	}
}

// emit generates the reverse of unpackBits for a block.
func (t packing) emit() {
	name := "packBits" + t.name + "AVX512"
	Func(name, "func(words, code4s *byte)", "makes the words of a block's code groups from its code4s, a vector each.")
	words, from := Arg("words"), Arg("code4s")
	m := masks{}
	shifted := func(v reg.VecVirtual, shift int, mask uint32) reg.VecVirtual {
		x := ZMM()
		VPSLLW(U8(uint8(shift)), v, x)
		if mask != 0 {
			if m[mask] == nil {
				m[mask] = AVX512.Load(Bits(bytesOf(mask)))
			}
			VPANDD(m[mask], x, x)
		}
		return x
	}
	or := func(to reg.VecVirtual, list ...reg.VecVirtual) {
		for len(list) > 1 {
			VPTERNLOGD(U8(0xfe), list[0], list[1], to)
			list = list[2:]
		}
		if len(list) == 1 {
			VPORD(list[0], to, to)
		}
	}
	s := codeGroups[t.bits]
	for i := range t.n / len(s.shifts) {
		q := make([]reg.VecVirtual, len(s.shifts))
		for p := range q {
			q[p] = AVX512.Load(Mem{Base: from, Disp: layout.Vector * t.code4(i, p)})
		}
		w := q[:s.words]
		switch t.bits {
		case 2:
			or(q[0], shifted(q[1], 2, 0), shifted(q[2], 4, 0), shifted(q[3], 6, 0))
		case 3:
			w = []reg.VecVirtual{q[0], q[2], q[4]}
			or(w[0], shifted(q[1], 3, 0), shifted(q[6], 5, 0xc0))
			or(w[1], shifted(q[3], 3, 0), shifted(q[7], 5, 0xc0))
			or(w[2], shifted(q[5], 3, 0), shifted(q[6], 7, 0x80), shifted(q[7], 6, 0x40))
		case 4:
			or(q[0], shifted(q[1], 4, 0))
		case 5:
			or(w[0], shifted(q[5], 3, 0xe0))
			or(w[1], shifted(q[6], 3, 0xe0))
			or(w[2], shifted(q[7], 3, 0xe0))
			or(w[3], shifted(q[5], 6, 0xc0), shifted(q[7], 4, 0x20))
			or(w[4], shifted(q[6], 6, 0xc0), shifted(q[7], 5, 0x20))
		case 6:
			for k := range w {
				or(w[k], shifted(q[3], 2+2*k, 0xc0))
			}
		}
		for k, v := range w {
			VMOVDQU32(v, Mem{Base: words, Disp: layout.Vector * (i*s.words + k)})
		}
	}
	End()
}

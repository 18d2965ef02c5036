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
	interleaved
	name string
}

var packings = []packing{
	{inOrder(2, 256, 0), "2"},
	{inOrder(3, 256, 0), "3"},
	{inOrder(4, 256, 0), "4"},
	{inOrder(5, 256, 0), "5"},
	{inOrder(6, 256, 0), "6"},
	{interleaved{4, 256, 0, layout.OrderQ4_K}, "Q4K"},
	{inOrder(4, 32, 0), "Legacy4"},
	{inOrder(5, 32, 0), "Legacy5"},
}

// EmitPackBits generates the packing of code4s into the words of repacked rows.
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
	n := t.group().Words
	for i := range t.groups() {
		q := make([]reg.VecVirtual, t.slots())
		for p := range q {
			q[p] = AVX512.Load(Mem{Base: from, Disp: layout.Vector * t.order(i, p)})
		}
		w := q[:n]
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
			VMOVDQU32(v, Mem{Base: words, Disp: layout.Vector * (i*n + k)})
		}
	}
	End()
}

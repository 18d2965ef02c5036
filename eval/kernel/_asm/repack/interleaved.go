package repack

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "bitmill/eval/kernel/_asm/machine"
	"bitmill/eval/kernel/layout"
)

// interleaved is how sixteen rows of a type lie: see repackLayout in package kernel.
type interleaved struct {
	bits    int // of a code
	columns int // of a block
	scales  int // words of scales
	order   layout.Order
}

// inOrder is the default order.
func inOrder(bits, columns, scales int) interleaved {
	return interleaved{bits, columns, scales, layout.DefaultOrder(bits, columns)}
}

func (t interleaved) group() layout.CodeGroup { return layout.CodeGroupOf(t.bits) }
func (t interleaved) slots() int              { return len(t.group().Shifts) }
func (t interleaved) shift(slot int) int      { return int(t.group().Shifts[slot]) }

// groups is the number of code groups of a block.
func (t interleaved) groups() int { return t.columns / 4 / t.slots() }

// body is the bytes of a block's body.
func (t interleaved) body() int { return layout.Vector * (t.scales + t.groups()*t.group().Words) }

// each unpacks n code groups and calls use for each code4, whose codes are still shifted in their bytes.
func (t interleaved) each(m masks, body Mem, first, n int, use func(code4, slot int, v reg.VecVirtual)) {
	for i := first; i < first+n; i++ {
		at := body.Offset(layout.Vector * (t.scales + i*t.group().Words))
		t.unpackBits(m, at, func(slot int, v reg.VecVirtual) { use(t.order(i, slot), slot, v) })
	}
}

// store unpacks n code groups to a record: codes, or their values from the table, plus add.
func (t interleaved) store(m masks, table, add reg.VecVirtual, record, body Mem, first, n int) {
	t.each(m, body, first, n, func(code4, slot int, v reg.VecVirtual) {
		right(v, t.shift(slot))
		look(table, v)
		if add != nil {
			VPADDB(add, v, v)
		}
		VMOVDQA32(v, record.Offset(layout.Vector*code4))
	})
}

// right shifts words of 16 bits to the right.
func right(v reg.VecVirtual, n int) {
	if n > 0 {
		VPSRLW(U8(uint8(n)), v, v)
	}
}

// rightSigned shifts signed words of 32 bits to the right.
func rightSigned(v reg.VecVirtual, n int) {
	if n > 0 {
		VPSRAD(U8(uint8(n)), v, v)
	}
}

// look replaces codes by their values if there is a table.
func look(table, v reg.VecVirtual) {
	if table != nil {
		VPSHUFB(v, table, v)
	}
}

// scaleWords loads a block's words of scales.
func (t interleaved) scaleWords(body Mem) []reg.VecVirtual {
	return AVX512.LoadMany(t.scales, body)
}

// mask has ones where a slot keeps its code4.
func (t interleaved) mask(slot int) uint32 {
	return bytesOf(1<<(t.shift(slot)+t.bits) - 1<<t.shift(slot))
}

// masks returns the masks that unpackBits needs.
func (t interleaved) masks() (list []uint32) {
	for slot := range t.slots() {
		list = append(list, t.mask(slot))
	}
	switch t.bits {
	case 3:
		list = append(list, bytesOf(0xc0))
	case 5:
		list = append(list, bytesOf(0xe0), bytesOf(0xf0))
	case 6:
		list = append(list, bytesOf(0xc0), bytesOf(0xf0))
	}
	return list
}

// unpackBits unpacks a code group and calls use for each slot, with codes that are still shifted.
func (t interleaved) unpackBits(m masks, at Mem, use func(slot int, v reg.VecVirtual)) {
	w := AVX512.LoadMany(t.group().Words, at)
	cut := func(slot int, v reg.VecVirtual) {
		c := ZMM()
		VPANDD(m[t.mask(slot)], v, c)
		use(slot, c)
	}
	// over returns the bits of upper where the mask has ones, and the bits of lower, shifted right, where it has zeros.
	over := func(mask uint32, upper, lower reg.VecVirtual, shift int) reg.VecVirtual {
		v := ZMM()
		VPSRLW(U8(uint8(shift)), lower, v)
		VPTERNLOGD(U8(0xd8), m[bytesOf(mask)], upper, v)
		return v
	}
	switch t.bits {
	case 2, 4:
		for p := range t.slots() {
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

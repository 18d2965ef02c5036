package encode

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"bitmill/quantize/encode/layout"
)

// Tables are [element][column]. A group is the columns that fill a vector; a row holds Groups of them:
//
//	element 0: | group 0: lane 0 .. lane 7 | group 1: lane 0 .. lane 7 |
//	element 1: | ...

// Groups is the groups in a row.
const Groups = layout.Groups

// Row is the bytes of a table's row.
func (s search) Row() int { return Groups * s.Bytes }

// Wrap is the magnitude from which on plain Go's nearest differs from Round, because adding 1.5*2^23 leaves the power
// of two. Lanes that reach it are left to plain Go.
const Wrap = 1 << 22

// At is the place of a group in the row at index + disp, in bytes.
func (s search) At(table, index reg.GPVirtual, disp, group int) Mem {
	return Mem{Base: table, Index: index, Scale: 1, Disp: disp + group*s.Bytes}
}

// Each emits a loop over the rows of tables, from index 0 up to end, both in bytes. The number of rows is a multiple of
// unroll and not zero.
func (s search) Each(label string, end reg.GPVirtual, unroll int, body func(index reg.GPVirtual, disp int)) {
	index := GP64()
	XORQ(index, index)
	Label(label)
	for i := range unroll {
		body(index, i*s.Row())
	}
	ADDQ(I32(int32(unroll*s.Row())), index)
	CMPQ(index, end)
	JB(LabelRef(label))
}

// EachOf is Each where body returns a list of steps. Rows do not depend on each other, so the steps of turns rows
// alternate.
func (s search) EachOf(label string, end reg.GPVirtual, unroll, turns int,
	body func(index reg.GPVirtual, disp int) []func()) {
	var waiting [][]func()
	s.Each(label, end, unroll, func(index reg.GPVirtual, disp int) {
		waiting = append(waiting, body(index, disp))
		if len(waiting) < turns {
			return
		}
		for step := range waiting[0] {
			for _, steps := range waiting {
				steps[step]()
			}
		}
		waiting = nil
	})
}

// RowBytes turns a number of rows into bytes.
func (s search) RowBytes(n reg.GPVirtual) {
	IMUL3Q(I32(int32(s.Row())), n, n)
}

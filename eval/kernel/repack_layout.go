package kernel

import (
	"encoding/binary"
	"sync"

	"bitmill/eval/kernel/layout"
	"bitmill/formats"
	"bitmill/formats/block"
)

// repackLayout says how sixteen rows of a type are interleaved, so that a vector has the same bits of all of them: a
// product with one token then needs neither permutations nor sums across a vector, and reads memory from front to
// back. They take as many bytes as the rows did, but for up to 63 that fill up a cache line. Words of 32 bits are
// little-endian, one for each row:
//
//	head    of a block: d [16]float16, m or dmin [16]float16; of types without these: d of two blocks
//	        [2][16]float16; of MXFP4: d of four blocks [4][16]byte
//	bodies  of these blocks: scales [scaleWords][16]word, codes [code groups][words of a code group][16]word
//
// Heads stored apart from bodies would be a second stream of memory, and where two streams alternate, prefetching
// fails: on a Zen 4 core 9 GB/s instead of 25.
//
// A code4 is the codes of four neighbouring columns of a row, a byte each, as kernels multiply them. A code group is
// as many code4s as share words: see layout.CodeGroupOf. Code groups of blocks of 256 come four by four: together they
// have 16 columns, a half or the whole of what shares a scale, in each of their slots.
//
// Rows beyond the last sixteen follow as they were stored.
type repackLayout struct {
	bits       int                                    // of a code
	scaleWords int                                    // of a block
	putScales  func(to *[4]uint32, s *kquantScales)   // k-quants: makes these words
	scales     func(s *kquantScales, from *[4]uint32) // k-quants: takes scales from them
	scaleBytes func(to *[16]int8, b []byte)           // signed codes: the scales of a stored block
	values     []int8                                 // signed codes: of the codes
	order      layout.Order                           // nil: layout.DefaultOrder
	plain      bool                                   // bfloat16: see repack_bf16.go

	once sync.Once // for what follows from the above
	*weightType
	layout.CodeGroup
	cols   int        // of a block
	d      int        // where a stored block has d
	min    bool       // m or dmin follows d
	power  bool       // d is an exponent, E8M0
	code4s []uint8    // which code4s of a block are in its code groups, slot by slot
	codes  [256]uint8 // signed codes: of values as bytes
	table  [64]uint8  // signed codes: the values of codes plus offset, four times
}

// repackLayoutOf returns nil for types that are not repacked.
func repackLayoutOf(t formats.Type) *repackLayout {
	wt := weightTypeOf(t)
	if wt == nil || wt.repack == nil {
		return nil
	}
	l := wt.repack
	l.once.Do(func() { l.complete(t, wt) })
	return l
}

func (l *repackLayout) complete(t formats.Type, wt *weightType) {
	l.weightType, l.cols = wt, t.BlockLen()
	if l.plain {
		l.cols = plainCols
		return
	}
	halves := block.Halves(t)
	l.power, l.min = len(halves) == 0, len(halves) == 2
	if !l.power {
		l.d = halves[0]
	}
	l.CodeGroup = layout.CodeGroupOf(l.bits)
	order, slots := l.order, len(l.Shifts)
	if order == nil {
		order = layout.DefaultOrder(l.bits, l.cols)
	}
	for i := range l.cols / 4 {
		l.code4s = append(l.code4s, uint8(order(i/slots, i%slots)))
	}
	if l.signed != nil {
		l.completeValues(t)
	}
}

// each repeats a byte four times.
const each = 0x01010101

// packBits makes the words of a code group from its code4s.
func packBits(bits int, w *[5]uint32, q *[8]uint32) {
	switch bits {
	case 2:
		w[0] = q[0] | q[1]<<2 | q[2]<<4 | q[3]<<6
	case 3:
		for i := range 3 {
			w[i] = q[2*i] | q[2*i+1]<<3
		}
		for i, v := range q[6:8] {
			w[i] |= v >> 1 & (3 * each) << 6
			w[2] |= v & each << (7 - i)
		}
	case 4:
		w[0] = q[0] | q[1]<<4
	case 5:
		for i := range 5 {
			w[i] = q[i]
		}
		for i, v := range q[5:8] {
			w[i] |= v >> 2 & (7 * each) << 5
		}
		w[3] |= q[5]&(3*each)<<6 | q[7]>>1&each<<5
		w[4] |= q[6]&(3*each)<<6 | q[7]&each<<5
	case 6:
		for i := range 3 {
			w[i] = q[i] | q[3]>>(4-2*i)&(3*each)<<6
		}
	default:
		w[0] = q[0]
	}
}

// unpackBits takes the code4s of a code group from its words.
func unpackBits(bits int, q *[8]uint32, w *[5]uint32) {
	switch bits {
	case 2:
		for i := range 4 {
			q[i] = w[0] >> (2 * i) & (3 * each)
		}
	case 3:
		for i := range 3 {
			q[2*i], q[2*i+1] = w[i]&(7*each), w[i]>>3&(7*each)
		}
		for i := range 2 {
			q[6+i] = w[i]>>6&(3*each)<<1 | w[2]>>(7-i)&each
		}
	case 4:
		q[0], q[1] = w[0]&(15*each), w[0]>>4&(15*each)
	case 5:
		for i := range 5 {
			q[i] = w[i] & (31 * each)
		}
		for i := range 2 {
			q[5+i] = w[i]>>5&(7*each)<<2 | w[3+i]>>6&(3*each)
		}
		q[7] = w[2]>>5&(7*each)<<2 | w[3]>>5&each<<1 | w[4]>>5&each
	case 6:
		for i := range 3 {
			q[i] = w[i] & (63 * each)
		}
		q[3] = w[0]>>6&(3*each)<<4 | w[1]>>6&(3*each)<<2 | w[2]>>6&(3*each)
	default:
		q[0] = w[0]
	}
}

// repackShape is the sizes of a repacked matrix, in bytes.
type repackShape struct {
	*repackLayout
	blocks int
	head   int // of one block or some
	body   int // of a block
	row    int // stored
	whole  int // rows that are interleaved, sixteen by sixteen
}

// repackShape returns the sizes of the matrix when repacked, which not all types and widths can be.
func (w *Matrix) repackShape() (repackShape, bool) {
	l := repackLayoutOf(w.Type)
	if l == nil {
		return repackShape{}, false
	}
	bytes := w.Type.BlockBytes()
	s := repackShape{repackLayout: l, blocks: w.Cols / l.cols, whole: w.Rows / lanes * lanes}
	s.row = w.Cols / w.Type.BlockLen() * bytes
	if l.plain {
		s.body = plainCols * lanes * bytes
	} else {
		s.head, s.body = 64, 4*lanes*(l.scaleWords+l.cols/4/len(l.Shifts)*l.Words)
	}
	return s, s.blocks > 0 && w.Cols%l.cols == 0
}

// perHead is how many blocks share a head.
func (l *repackLayout) perHead() int {
	switch {
	case l.min:
		return 1
	case l.power:
		return 4
	}
	return 2
}

// bytes is the size of sixteen rows.
func (s *repackShape) bytes() int {
	return (s.blocks+s.perHead()-1)/s.perHead()*s.head + s.blocks*s.body
}

// rows is the size of the first n rows of a repacked matrix, n being a multiple of sixteen or beyond those that are
// interleaved.
func (s *repackShape) rows(n int) int {
	whole := min(n, s.whole)
	return whole/lanes*s.bytes() + (n-whole)*s.row
}

// half returns where sixteen rows have the d of a block and row; m, if there is one, follows 2*lanes bytes behind.
func (s *repackShape) half(block, lane int) int {
	i, size := block%s.perHead(), 2
	if s.power {
		size = 1
	}
	return block/s.perHead()*s.head + (block-i)*s.body + size*(lanes*i+lane)
}

// word returns where the body of a block has word i of a row.
func (s *repackShape) word(block, i, lane int) int {
	return (block/s.perHead()+1)*s.head + block*s.body + 4*(lanes*i+lane)
}

func put32(b []byte, at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
func get32(b []byte, at int) uint32    { return binary.LittleEndian.Uint32(b[at:]) }

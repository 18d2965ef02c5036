package kernel

import (
	"encoding/binary"

	"bitmill/formats"
)

// A strip is sixteen rows, interleaved so that a vector has the same bits of all of them: a product with one token then
// needs neither permutations nor sums across a vector, and reads memory from front to back. It takes as many bytes as the
// rows do, but for up to 63 that fill up a cache line. Words of 32 bits are little-endian, one for each row:
//
//	head    of a block: d [16]float16, m or dmin [16]float16; of types without: d of two blocks [2][16]float16; of MXFP4:
//	        d of four blocks [4][16]byte
//	bodies  of these blocks: scales [stripType.scales][16]word, codes [sets][words of a set][16]word
//
// A head of its own place would be a second stream of memory, and where two streams alternate, prefetching fails: on a
// Zen 4 core 9 GB/s instead of 25.
//
// A quad is the codes of four neighbouring columns of a row, a byte each, as kernels multiply them. A set is as many
// quads as share words: see setOf. Sets of blocks of 256 come four by four: together they have 16 columns, a half or the
// whole of what shares a scale, for each of their places.
//
// Rows beyond the last whole strip follow as they were stored.
type stripType struct {
	bits   int // of a code
	d      int // where a stored block has d
	min    bool
	scales int // words
	fields func(to *[4]uint32, s *superScales)
	values func(s *superScales, from *[4]uint32)
	quads  []uint8 // which quads of a block are in its sets, place by place
	level  *levelStrip
	plain  bool // no codes: see repack_bf16.go
}

// stripTypes are by type; types of few levels are in repack_types.go.
var stripTypes = [...]*stripType{
	formats.Q2_K: {bits: 2, d: 80, min: true, scales: 4, fields: fields4, values: values4, quads: inGroups(4)},
	formats.Q3_K: {bits: 3, d: 108, scales: 3, fields: fields6, values: values6, quads: inGroups(8)},
	formats.Q4_K: {bits: 4, min: true, scales: 3, fields: fieldsMins, values: valuesMins,
		quads: places(32, 2, func(set, place int) int {
			return set/8*16 + 8*place + set%8 // a set has columns of two groups of 32, so that these lie side by side
		})},
	formats.Q5_K: {bits: 5, min: true, scales: 3, fields: fieldsMins, values: valuesMins, quads: inGroups(8)},
	formats.Q6_K: {bits: 6, d: 208, scales: 4, fields: fields8, values: values8, quads: inGroups(4)},
	formats.Q4_0: {bits: 4, quads: places(4, 2, inFours)},
	formats.Q4_1: {bits: 4, min: true, quads: places(4, 2, inFours)},
	formats.Q5_0: {bits: 5, quads: places(1, 8, inPlaces)},
	formats.Q5_1: {bits: 5, min: true, quads: places(1, 8, inPlaces)},
	formats.Q8_0: {bits: 8, quads: places(8, 1, inSets)},
	formats.BF16: {plain: true},
}

// stripTypeOf returns nil for types without strips.
func stripTypeOf(t formats.Type) *stripType {
	if int(t) < len(stripTypes) && stripTypes[t] != nil {
		return stripTypes[t]
	}
	return levelStrips(t)
}

// places lists the quads of a block's sets.
func places(sets, places int, quad func(set, place int) int) (list []uint8) {
	for set := range sets {
		for p := range places {
			list = append(list, uint8(quad(set, p)))
		}
	}
	return list
}

func inFours(set, place int) int { return 4*place + set }
func inPlaces(_, place int) int  { return place }
func inSets(set, _ int) int      { return set }

// inGroups gives each place of four sets 16 columns, one place after the other.
func inGroups(n int) []uint8 {
	return places(64/n, n, func(set, place int) int { return 4*(set/4*n+place) + set%4 })
}

// setOf returns the numbers of words and quads of a set, whose codes have as many bits. Words keep a quad in the same bits
// of their four bytes; with x and y for quads that lie in one word:
//
//	bits  words  of a byte
//	2     1      x << 0, x << 2, x << 4, x << 6
//	3     3      x << 0, y << 3; of two more, z and w, the upper two bits on top of words 0 and 1, the lowest ones in bits
//	             7 and 6 of word 2; in the order x0 y0 x1 y1 x2 y2 z w
//	4     1      x << 0, x << 4
//	5     5      x << 0; of three more the upper three bits on top of words 0 to 2, the lower two of the first and of the
//	             second in bits 6 and 7 of words 3 and 4, those of the third in bit 5 of word 3 (the upper) and of word 4
//	6     3      x << 0; of one more two bits on top of each word, the highest in word 0
//	8     1      x
func setOf(bits int) (words, quads int) {
	switch bits {
	case 2:
		return 1, 4
	case 3:
		return 3, 8
	case 4:
		return 1, 2
	case 5:
		return 5, 8
	case 6:
		return 3, 4
	}
	return 1, 1
}

// shiftsOf returns how far the quads of a set lie shifted in their bytes when a mask has cut them out, with those that are
// put together on top.
func shiftsOf(bits int) []uint8 {
	switch bits {
	case 2:
		return []uint8{0, 2, 4, 6}
	case 3:
		return []uint8{0, 3, 0, 3, 0, 3, 5, 5}
	case 4:
		return []uint8{0, 4}
	case 5:
		return []uint8{0, 0, 0, 0, 0, 3, 3, 3}
	case 6:
		return []uint8{0, 0, 0, 2}
	}
	return []uint8{0}
}

// each repeats a byte four times.
const each = 0x01010101

// join makes the words of a set from its quads.
func join(bits int, w *[5]uint32, q *[8]uint32) {
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

// split takes the quads of a set from its words.
func split(bits int, q *[8]uint32, w *[5]uint32) {
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

// strips are sizes of a woven matrix, in bytes.
type strips struct {
	*stripType
	blocks int
	cols   int // of a block
	head   int // of one block or some
	body   int // of a block
	row    int // stored
	whole  int // rows in strips
}

func (st *stripType) of(w *Matrix, info *formats.Info) strips {
	s := strips{stripType: st, cols: info.Block, row: w.Cols / info.Block * info.Bytes, whole: w.Rows / lanes * lanes}
	if st.plain {
		s.cols, s.body = plainCols, plainCols*lanes*info.Bytes
	} else {
		words, quads := setOf(st.bits)
		s.head, s.body = 64, 4*lanes*(st.scales+info.Block/4/quads*words)
	}
	s.blocks = w.Cols / s.cols
	return s
}

// perHead is how many blocks share a head.
func (s *strips) perHead() int {
	switch {
	case s.min:
		return 1
	case s.power():
		return 4
	}
	return 2
}

// power says that d is an exponent, a byte.
func (s *strips) power() bool { return s.level != nil && s.level.power }

// bytes is the size of a strip.
func (s *strips) bytes() int {
	return (s.blocks+s.perHead()-1)/s.perHead()*s.head + s.blocks*s.body
}

// rows is the size of the first n rows of a woven matrix, n being a multiple of sixteen or within what fills no strip.
func (s *strips) rows(n int) int {
	whole := min(n, s.whole)
	return whole/lanes*s.bytes() + (n-whole)*s.row
}

// half returns where a strip has the d of a block and row; m, if there is one, follows 2*lanes bytes behind.
func (s *strips) half(block, lane int) int {
	i, size := block%s.perHead(), 2
	if s.power() {
		size = 1
	}
	return block/s.perHead()*s.head + (block-i)*s.body + size*(lanes*i+lane)
}

// word returns where the body of a block has word i of a row.
func (s *strips) word(block, i, lane int) int {
	return (block/s.perHead()+1)*s.head + block*s.body + 4*(lanes*i+lane)
}

// put32 and get32 are words of a strip.
func put32(b []byte, at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
func get32(b []byte, at int) uint32    { return binary.LittleEndian.Uint32(b[at:]) }

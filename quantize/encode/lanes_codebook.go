package encode

import (
	"math"
	"math/bits"

	"bitmill/quantize/encode/layout"
)

// latticeLanes are the steps of latticeFit on lanes; those of groups are for groups of 8 and 4 values, see ofDim.
type latticeLanes struct {
	signs func(signs *byte, x *float32, n int)
	roots func(root, w *float32, n int)
	start func(state, x, w, wx *float32, n int)
	round [2]latticeRound
	near  [2]latticeNear
	sums  [2]latticeSums
}

type (
	latticeRound = func(state, divisor, x *float32, entries, entry *int32, groups int, numerator float32)
	latticeNear  = func(point, items *int32, count int, x, w *float32, places *uint32, scales *float32, columns int,
		values *float32, levels, index *uint16)
	latticeSums = func(state, wx, w *float32, best, point *int32, points *uint16, groups int)
)

var infinity = float32(math.Inf(1))

func ofDim(dim int) int { return (8 - dim) / 4 }

// oddLevels are what levels are worth, for a vector of any width and groups of 8 and 4 values.
var oddLevels = func() (v [2][16]float32) {
	for i := range 16 {
		v[0][i], v[1][i] = float32(2*(i%4)+1), float32(2*(i%8)+1)
	}
	return v
}()

// latticeSpace is the working space for the i-quants of codebooks. Rows of points are [group][column].
type latticeSpace struct {
	state  [layout.CodebookRows * maxColumns]float32
	point  [8 * maxColumns]int32 // of the candidate
	best   [8 * maxColumns]int32 // of the best candidate, layout.NearMark added to near ones
	items  [8 * maxColumns]int32 // of point, that need a near point
	places [8 * maxColumns]uint32

	x, root [batchValues]float32 // magnitudes, see latticeFit
	signs   [batchValues / 8]uint8
	live    [maxColumns]bool // not a sub-block of zeros
	scale   [maxColumns]float32
	blocks  [8]latticeBlock
}

func (s *latticeSpace) row(i, columns int) []float32 { return s.state[i*columns:][:columns] }

// onLanes does what encode does, for eight super-blocks at once.
func (t *latticeType) onLanes(b *batch, dst []byte, row, importance []float32) {
	book, s := t.book(), &b.lattice
	b.placeGroups(t.size, book.dim)
	b.each(row, importance, func(at, n int) {
		b.latticeValues(t)
		for first := 0; first < n; first += b.columns * t.size {
			b.searchLattice(t, book, first)
		}
		for i := range n / 256 {
			out := dst[(at/256+i)*t.bytes:][:t.bytes]
			clear(out)
			t.pack(out, &s.blocks[i])
		}
	})
}

// placeGroups sets where groups of dim values start in sub-blocks of size values that follow each other.
func (b *batch) placeGroups(size, dim int) {
	for i := range size / dim * b.columns {
		b.lattice.places[i] = uint32(4 * (i%b.columns*size + i/b.columns*dim))
	}
}

// latticeValues sets weights, their roots, magnitudes and signs.
func (b *batch) latticeValues(t *latticeType) {
	s := &b.lattice
	if b.importance != nil {
		b.weigh(t.factor)
	} else {
		b.lanes.sumSquares(&b.means[0], &b.x[0], 256)
		for i, sum := range b.means {
			t.plainWeights(b.w[256*i:][:256], b.x[256*i:][:256], float32(t.factor*sum/256))
		}
	}
	b.lattices.roots(&s.root[0], &b.w[0], batchValues)
	b.magnitudes(&s.x[0], &b.x[0], batchValues)
	b.lattices.signs(&s.signs[0], &b.x[0], batchValues)
	if !t.even {
		return
	}
	for i, signs := range s.signs {
		if bits.OnesCount8(signs)%2 == 1 {
			least := leastOf8((*[8]float32)(b.x[8*i:]), (*[8]float32)(b.w[8*i:]))
			s.x[8*i+least] = -s.x[8*i+least]
			s.signs[i] ^= 1 << least
		}
	}
}

// takeLattice reads one table's results.
func (b *batch) takeLattice(t *latticeType, book *codebook, first, groups int) {
	s, columns, perBlock := &b.lattice, b.columns, 256/t.size
	for c := range columns {
		i := first/t.size + c
		to, j := &s.blocks[i/perBlock], i%perBlock
		to.empty[j], to.scale[j] = !s.live[c], 0
		point, signs := to.point[j*groups:][:groups], to.signs[j*t.size/8:][:t.size/8]
		clear(point)
		clear(signs)
		if !s.live[c] {
			continue
		}
		if math.Float32bits(s.row(layout.CodebookRedo, columns)[c]) != 0 {
			f := latticeFit{book: book}
			copy(f.w[:], b.w[i*t.size:][:t.size])
			f.fit(t, b.x[i*t.size:][:t.size])
			to.put(j, t.size, &f)
			continue
		}
		to.scale[j] = s.scale[c]
		for g := range point {
			point[g] = s.point[g*columns+c] &^ layout.NearMark
		}
		copy(signs, s.signs[i*t.size/8:])
		if to.scale[j] < 0 {
			to.scale[j] = -to.scale[j]
			for k := range signs {
				signs[k] = ^signs[k]
			}
		}
	}
}

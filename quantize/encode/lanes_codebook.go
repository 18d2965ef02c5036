package encode

import (
	"math"
	"math/bits"

	"bitmill/quantize/encode/layout"
)

// codebookLanes are the steps of codebookFit on lanes; pairs are for groups of 8 and of 4 values, see ofDim.
type codebookLanes struct {
	signs func(signs *byte, x *float32, n int)
	roots func(root, w *float32, n int)
	start func(state, x, w, wx *float32, n int)
	round [2]codebookRound
	near  [2]codebookNear
	sums  [2]codebookSums
}

type (
	codebookRound = func(state, divisor, x *float32, found, lookup *int32, groups int, numerator float32)
	codebookNear  = func(entry, items *int32, count int, x, w *float32, places *uint32, scales *float32, columns int,
		values *float32, levels, index *uint16)
	codebookSums = func(state, wx, w *float32, best, entry *int32, entries *uint16, groups int)
)

var infinity = float32(math.Inf(1))

func ofDim(dim int) int { return (8 - dim) / 4 }

// oddLevels are the values of levels, for a vector of any width and groups of 8 and of 4 values.
var oddLevels = func() (v [2][16]float32) {
	for i := range 16 {
		v[0][i], v[1][i] = float32(2*(i%4)+1), float32(2*(i%8)+1)
	}
	return v
}()

// codebookSpace is the working space for the i-quants of codebooks. Rows of entries are [group][column].
type codebookSpace struct {
	state  [layout.CodebookRows * maxColumns]float32
	entry  [8 * maxColumns]int32 // of the candidate
	best   [8 * maxColumns]int32 // of the best candidate, layout.NearMark added to near ones
	items  [8 * maxColumns]int32 // of entry, that need a near entry
	places [8 * maxColumns]uint32

	x, root [batchValues]float32 // magnitudes, see codebookFit
	signs   [batchValues / 8]uint8
	live    [maxColumns]bool // the sub-block is not all zeros
	scale   [maxColumns]float32
	blocks  [8]codebookBlock
}

func (s *codebookSpace) row(i, columns int) []float32 { return s.state[i*columns:][:columns] }

// onLanes does what encode does, for eight super-blocks at once.
func (t *codebookType) onLanes(ws *workspace, dst []byte, row, importance []float32) {
	book, s := t.book(), &ws.codebook
	ws.placeGroups(t.size, book.dim)
	ws.each(row, importance, func(at, n int) {
		ws.codebookValues(t)
		for first := 0; first < n; first += ws.columns * t.size {
			ws.searchCodebook(t, book, first)
		}
		for i := range n / 256 {
			out := dst[(at/256+i)*t.bytes:][:t.bytes]
			clear(out)
			t.pack(out, &s.blocks[i])
		}
	})
}

// placeGroups sets the places of groups of dim values in sub-blocks of size values that follow each other.
func (ws *workspace) placeGroups(size, dim int) {
	for i := range size / dim * ws.columns {
		ws.codebook.places[i] = uint32(4 * (i%ws.columns*size + i/ws.columns*dim))
	}
}

// codebookValues sets weights, their roots, magnitudes and signs.
func (ws *workspace) codebookValues(t *codebookType) {
	s := &ws.codebook
	if ws.importance != nil {
		ws.weigh(t.factor)
	} else {
		ws.lanes.sumSquares(&ws.means[0], &ws.x[0], 256)
		for i, sum := range ws.means {
			t.plainWeights(ws.w[256*i:][:256], ws.x[256*i:][:256], float32(t.factor*sum/256))
		}
	}
	ws.codebooks.roots(&s.root[0], &ws.w[0], batchValues)
	ws.magnitudes(&s.x[0], &ws.x[0], batchValues)
	ws.codebooks.signs(&s.signs[0], &ws.x[0], batchValues)
	if !t.even {
		return
	}
	for i, signs := range s.signs {
		if bits.OnesCount8(signs)%2 == 1 {
			least := leastOf8((*[8]float32)(ws.x[8*i:]), (*[8]float32)(ws.w[8*i:]))
			s.x[8*i+least] = -s.x[8*i+least]
			s.signs[i] ^= 1 << least
		}
	}
}

// takeCodebook reads one table's results.
func (ws *workspace) takeCodebook(t *codebookType, book *codebook, first, groups int) {
	s, columns, perBlock := &ws.codebook, ws.columns, 256/t.size
	for c := range columns {
		i := first/t.size + c
		to, j := &s.blocks[i/perBlock], i%perBlock
		to.empty[j], to.scale[j] = !s.live[c], 0
		entry, signs := to.entry[j*groups:][:groups], to.signs[j*t.size/8:][:t.size/8]
		clear(entry)
		clear(signs)
		if !s.live[c] {
			continue
		}
		if math.Float32bits(s.row(layout.CodebookRedo, columns)[c]) != 0 {
			f := codebookFit{book: book}
			copy(f.w[:], ws.w[i*t.size:][:t.size])
			f.fit(t, ws.x[i*t.size:][:t.size])
			to.put(j, t.size, &f)
			continue
		}
		to.scale[j] = s.scale[c]
		for g := range entry {
			entry[g] = s.entry[g*columns+c] &^ layout.NearMark
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

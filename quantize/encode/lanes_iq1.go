package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// iq1Lanes are the steps of iq1Type.fit on lanes.
type iq1Lanes struct {
	sort             func(x, w, index *float32, n int, exchanges *uint32, count int)
	split32, split16 func(state, x, w, index, space *float32)
}

// iq1Space is the working space for IQ1_S and IQ1_M.
type iq1Space struct {
	running   [13 * 17 * maxColumns]float32 // sums
	exchanges []uint32                      // pairs of rows that sort a table, in bytes
	items     [2][4 * maxColumns]int32      // of codebookSpace.entry, that need a near entry, by the shift
	blocks    [8]iq1Block
}

// iq1LaneValues are iq1Values for a vector of any width.
var iq1LaneValues = func() (v [2][16]float32) {
	for shift := range v {
		for i := range v[shift] {
			if i%4 < 3 {
				v[shift][i] = iq1Values[shift][i%4]
			}
		}
	}
	return v
}()

// boundary is a pair of boundaries; boundaries32 and boundaries16 are all pairs for so many values, in search order.
type boundary struct{ low, high uint8 }

var boundaries32, boundaries16 = boundariesOf(32), boundariesOf(16)

func boundariesOf(n int) (b []boundary) {
	for low := range n + 1 {
		for high := low; high <= n; high++ {
			b = append(b, boundary{uint8(low), uint8(high)})
		}
	}
	return b
}

// exchanges appends the pairs of Batcher's odd-even merge sort of n rows, a power of two: putting each pair in order,
// one after the other, sorts the rows.
func exchanges(to []uint32, n, rowBytes int) []uint32 {
	for p := 1; p < n; p *= 2 {
		for k := p; k >= 1; k /= 2 {
			for j := k % p; j+k < n; j += 2 * k {
				for i := j; i < min(j+k, n-k); i++ {
					if i/(2*p) == (i+k)/(2*p) {
						to = append(to, uint32(i*rowBytes), uint32((i+k)*rowBytes))
					}
				}
			}
		}
	}
	return to
}

// onLanes does what encode does, for eight super-blocks at once.
func (t *iq1Type) onLanes(ws *workspace, dst []byte, row, importance []float32) {
	book, s := book1(), &ws.iq1
	s.exchanges = exchanges(s.exchanges[:0], t.size, 4*ws.columns)
	ws.placeGroups(t.size, 8)
	ws.each(row, importance, func(at, n int) {
		out := dst[at/256*t.bytes:][:n/256*t.bytes]
		if !ws.finite(ws.x[:]) {
			t.encode(out, row[at:at+n], columns(importance, at))
			return
		}
		if importance != nil {
			ws.weigh(2)
		} else {
			ws.squares(&ws.w[0], &ws.x[0], batchValues)
		}
		for first := 0; first < n; first += ws.columns * t.size {
			ws.splitIQ1(t, book, first)
		}
		clear(out)
		for i := range n / 256 {
			t.pack(out[i*t.bytes:][:t.bytes], &s.blocks[i], ws.x[256*i:][:256], ws.w[256*i:][:256])
		}
	})
}

// splitIQ1 sets s.blocks for the sub-blocks from value first on, as many as the tables have columns.
func (ws *workspace) splitIQ1(t *iq1Type, book *codebook, first int) {
	s, columns := &ws.iq1, ws.columns
	ws.transpose(&ws.tableX[0], &ws.x[first], columns, t.size)
	ws.transpose(&ws.tableW[0], &ws.w[first], columns, t.size)
	ws.iq1Lanes.sort(&ws.tableX[0], &ws.tableW[0], &ws.tableQ[0], t.size, &s.exchanges[0], len(s.exchanges)/2)
	split, all, kinds := ws.iq1Lanes.split32, boundaries32, 2
	if t.halves {
		split, all, kinds = ws.iq1Lanes.split16, boundaries16, 4
	}
	split(&ws.state[0], &ws.tableX[0], &ws.tableW[0], &ws.tableQ[0], &s.running[0])

	var near [2]int // items, by the shift
	for c := range columns {
		shifts := ws.takeSplit(t, book, first/t.size+c, c, all, kinds)
		for g := range t.size / 8 {
			if at := g*columns + c; ws.codebook.entry[at] < 0 {
				shift := t.shiftOf(shifts, g)
				s.items[shift][near[shift]] = int32(at)
				near[shift]++
			}
		}
	}
	for shift, n := range near {
		ws.codebooks.near[ofDim(8)](&ws.codebook.entry[0], &s.items[shift][0], n,
			&ws.x[first], &ws.w[first], &ws.codebook.places[0], &ws.codebook.scale[0], columns,
			&iq1LaneValues[shift][0], &book.near.levels[0], &book.near.index[0])
	}
	for c := range columns {
		ws.takeIQ1(t, book, first/t.size+c, c)
	}
}

// takeSplit reads the split of column c, which is sub-block i: scale, shifts, and the lookup of its levels.
func (ws *workspace) takeSplit(t *iq1Type, book *codebook, i, c int, all []boundary, kinds int) (shifts int) {
	to, j := &ws.iq1.blocks[i*t.size/256], i%(256/t.size)
	number := int(int32(math.Float32bits(ws.row(layout.IQ1Number)[c])))
	to.scale[j], to.shifts[j] = 0, 0
	if number < 0 || ws.sortedMagnitude(t.size, c) < t.least {
		for g := range t.size / 8 {
			ws.codebook.entry[g*ws.columns+c] = 0
		}
		return 0
	}
	scale, shifts := ws.row(layout.IQ1Scale)[c], number%kinds
	ws.lookUpSplit(t, book, c, all[number/kinds], scale < 0)
	if scale < 0 {
		scale, shifts = -scale, t.opposite(shifts)
	}
	to.scale[j], to.shifts[j], ws.codebook.scale[c] = scale, shifts, scale
	return shifts
}

// sortedMagnitude is the largest magnitude of a sorted column.
func (ws *workspace) sortedMagnitude(n, c int) float32 {
	return max(abs32(ws.tableX[c]), abs32(ws.tableX[(n-1)*ws.columns+c]))
}

// lookUpSplit looks the levels of a column up in the codebook: those below the lower boundary are 0, those from the
// upper one on 2; turned exchanges 0 and 2.
func (ws *workspace) lookUpSplit(t *iq1Type, book *codebook, c int, at boundary, turned bool) {
	var code [4]int32
	for i := range int(at.high) {
		k := int(ws.tableQ[i*ws.columns+c])
		power := book.powers[k&7]
		if i < int(at.low) {
			power *= 2
		}
		code[k>>3&3] += power
	}
	const highest = 3*3*3*3*3*3*3*3 - 1 // the code of levels 2
	for g := range t.size / 8 {
		if !turned {
			code[g] = highest - code[g]
		}
		ws.codebook.entry[g*ws.columns+c] = book.lookup[code[g]]
	}
}

// takeIQ1 reads the entries of column c, which is sub-block i.
func (ws *workspace) takeIQ1(t *iq1Type, book *codebook, i, c int) {
	groups, perBlock := t.size/8, 256/t.size
	to, j := &ws.iq1.blocks[i/perBlock], i%perBlock
	entry := to.entry[j*groups:][:groups]
	x, w := ws.x[i*t.size:][:t.size], ws.w[i*t.size:][:t.size]
	if !(abs32(ws.row(layout.IQ1Score)[c]) < infinity && abs32(to.scale[j]) < infinity) {
		to.scale[j], to.shifts[j] = t.fit(entry, book, x, w)
		return
	}
	marks := int32(0)
	for g := range entry {
		p := ws.codebook.entry[g*ws.columns+c]
		marks |= p
		entry[g] = p &^ layout.NearMark
	}
	if marks >= layout.NearMark {
		to.scale[j] = t.refit(book, entry, x, w, to.scale[j], to.shifts[j])
	}
}

package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// thirdLanes are the steps of thirdType.fit on lanes.
type thirdLanes struct {
	sort             func(x, w, index *float32, n int, exchanges *uint32, count int)
	split32, split16 func(state, x, w, index, space *float32)
}

// thirdSpace is the working space for IQ1_S and IQ1_M.
type thirdSpace struct {
	running   [13 * 17 * maxColumns]float32 // sums
	exchanges []uint32                      // pairs of rows that sort a table, in bytes
	items     [2][4 * maxColumns]int32      // of latticeSpace.point, that need a near point, by the shift
	blocks    [8]thirdBlock
}

// thirdValues are thirds for a vector of any width.
var thirdValues = func() (v [2][16]float32) {
	for shift := range v {
		for i := range v[shift] {
			if i%4 < 3 {
				v[shift][i] = thirds[shift][i%4]
			}
		}
	}
	return v
}()

// boundary is a pair of boundaries, and boundaries32 and boundaries16 those of so many values in the order of the search.
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

// exchanges appends pairs of rows that sort n of them, a power of two, when they are put in order one after the other:
// Batcher's odd-even merge sort.
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
func (t *thirdType) onLanes(b *batch, dst []byte, row, importance []float32) {
	book, s := book1(), &b.thirds
	s.exchanges = exchanges(s.exchanges[:0], t.size, 4*b.columns)
	b.placeGroups(t.size, 8)
	b.each(row, importance, func(at, n int) {
		out := dst[at/256*t.bytes:][:n/256*t.bytes]
		if !b.finite(b.x[:]) {
			t.encode(out, row[at:at+n], columns(importance, at))
			return
		}
		if importance != nil {
			b.weigh(2)
		} else {
			b.squares(&b.w[0], &b.x[0], batchValues)
		}
		for first := 0; first < n; first += b.columns * t.size {
			b.splitThirds(t, book, first)
		}
		clear(out)
		for i := range n / 256 {
			t.pack(out[i*t.bytes:][:t.bytes], &s.blocks[i], b.x[256*i:][:256], b.w[256*i:][:256])
		}
	})
}

// splitThirds sets the blocks' fits for the sub-blocks from value first on, as many as the tables have columns.
func (b *batch) splitThirds(t *thirdType, book *codebook, first int) {
	s, columns := &b.thirds, b.columns
	b.transpose(&b.tableX[0], &b.x[first], columns, t.size)
	b.transpose(&b.tableW[0], &b.w[first], columns, t.size)
	b.thirdLanes.sort(&b.tableX[0], &b.tableW[0], &b.tableQ[0], t.size, &s.exchanges[0], len(s.exchanges)/2)
	split, all, kinds := b.thirdLanes.split32, boundaries32, 2
	if t.halves {
		split, all, kinds = b.thirdLanes.split16, boundaries16, 4
	}
	split(&b.state[0], &b.tableX[0], &b.tableW[0], &b.tableQ[0], &s.running[0])

	var near [2]int // items, by the shift
	for c := range columns {
		shifts := b.takeSplit(t, book, first/t.size+c, c, all, kinds)
		for g := range t.size / 8 {
			if at := g*columns + c; b.lattice.point[at] < 0 {
				shift := t.shiftOf(shifts, g)
				s.items[shift][near[shift]] = int32(at)
				near[shift]++
			}
		}
	}
	for shift, n := range near {
		b.lattices.near[ofDim(8)](&b.lattice.point[0], &s.items[shift][0], n, &b.x[first], &b.w[first], &b.lattice.places[0],
			&b.lattice.scale[0], columns, &thirdValues[shift][0], &book.near.levels[0], &book.near.index[0])
	}
	for c := range columns {
		b.takeThirds(t, book, first/t.size+c, c)
	}
}

// takeSplit reads the split of column c, which is sub-block i: its scale, shifts and what the codebook has for its levels.
func (b *batch) takeSplit(t *thirdType, book *codebook, i, c int, all []boundary, kinds int) (shifts int) {
	to, j := &b.thirds.blocks[i*t.size/256], i%(256/t.size)
	number := int(int32(math.Float32bits(b.row(layout.IQ1Number)[c])))
	to.scale[j], to.shifts[j] = 0, 0
	if number < 0 || b.thirdMagnitude(t.size, c) < t.least {
		for g := range t.size / 8 {
			b.lattice.point[g*b.columns+c] = 0
		}
		return 0
	}
	scale, shifts := b.row(layout.IQ1Scale)[c], number%kinds
	b.thirdEntries(t, book, c, all[number/kinds], scale < 0)
	if scale < 0 {
		scale, shifts = -scale, t.opposite(shifts)
	}
	to.scale[j], to.shifts[j], b.lattice.scale[c] = scale, shifts, scale
	return shifts
}

// thirdMagnitude is the largest magnitude of a sorted column.
func (b *batch) thirdMagnitude(n, c int) float32 {
	return max(abs32(b.tableX[c]), abs32(b.tableX[(n-1)*b.columns+c]))
}

// thirdEntries sets what the codebook has for the levels of a column: those below the lower boundary are 0, those from the
// upper one on 2, turned upside down when asked for.
func (b *batch) thirdEntries(t *thirdType, book *codebook, c int, at boundary, turned bool) {
	var code [4]int32
	for i := range int(at.high) {
		k := int(b.tableQ[i*b.columns+c])
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
		b.lattice.point[g*b.columns+c] = book.entry[code[g]]
	}
}

// takeThirds reads the points of column c, which is sub-block i.
func (b *batch) takeThirds(t *thirdType, book *codebook, i, c int) {
	groups, perBlock := t.size/8, 256/t.size
	to, j := &b.thirds.blocks[i/perBlock], i%perBlock
	point := to.point[j*groups:][:groups]
	x, w := b.x[i*t.size:][:t.size], b.w[i*t.size:][:t.size]
	if !(abs32(b.row(layout.IQ1Score)[c]) < infinity && abs32(to.scale[j]) < infinity) {
		to.scale[j], to.shifts[j] = t.fit(point, book, x, w)
		return
	}
	marks := int32(0)
	for g := range point {
		p := b.lattice.point[g*b.columns+c]
		marks |= p
		point[g] = p &^ layout.NearMark
	}
	if marks >= layout.NearMark {
		to.scale[j] = t.refit(book, point, x, w, to.scale[j], to.shifts[j])
	}
}

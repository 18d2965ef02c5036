package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// searchLattice sets the blocks' fits for the sub-blocks from value first on, as many as the tables have columns.
func (b *batch) searchLattice(t *latticeType, book *codebook, first int) {
	s, columns, groups, dim := &b.lattice, b.columns, t.size/book.dim, ofDim(book.dim)
	l := &b.lanes.lattices
	b.transpose(&b.tableX[0], &s.x[first], columns, t.size)
	b.transpose(&b.tableW[0], &b.w[first], columns, t.size)
	var four []float32
	if t.four {
		four = b.fourLevels(t.size)
	}
	l.start(&s.state[0], &b.tableX[0], &b.tableW[0], &b.tableQ[0], t.size)
	b.prepareLattice(t, book.top(), four)
	clear(s.best[:groups*columns])
	if t.second != nearOnes {
		for i := range s.best[:groups*columns] {
			s.best[i] = layout.NearMark
		}
	}
	step := s.row(layout.CodebookStep, columns)
	for k := -t.steps; k <= t.steps; k++ {
		numerator := book.top() + float32(t.step*float32(k))
		l.round[dim](&s.state[0], &s.row(layout.CodebookDivisor, columns)[0], &b.tableX[0], &s.point[0], &book.entry[0], groups, numerator)
		b.nearPoints(book, first, groups, step)
		l.sums[dim](&s.state[0], &b.tableQ[0], &b.tableW[0], &s.best[0], &s.point[0], &book.points[0], groups)
	}
	b.roundAgain(t, book, first, groups)
	b.takeLattice(t, book, first, groups)
}

// fourLevels finds the scales that suit four levels.
func (b *batch) fourLevels(size int) []float32 {
	scales := b.lattice.scale[:b.columns]
	b.positiveTable(size, b.columns/b.width, 4)
	for c := range scales {
		scales[c] = b.row(layout.NonnegScale)[c]
		if math.Float32bits(b.row(layout.NonnegRedo)[c]) != 0 {
			var q [32]uint8
			var x, w [32]float32
			scales[c] = searchPositive(q[:size], b.column(x[:size], &b.tableX, c), b.column(w[:size], &b.tableW, c), 4)
		}
	}
	return scales
}

// prepareLattice sets what the first candidate starts from. four are the scales that suit four levels, if those matter.
func (b *batch) prepareLattice(t *latticeType, top float32, four []float32) {
	s, columns := &b.lattice, b.columns
	divisor, scale := s.row(layout.CodebookDivisor, columns), s.row(layout.CodebookScale, columns)
	clear(s.row(layout.CodebookBest, columns))
	for c, extreme := range s.row(layout.CodebookLargest, columns) {
		divisor[c], scale[c] = extreme, extreme/top
		s.live[c] = !(extreme < t.least)
		if four != nil && s.live[c] {
			divisor[c], scale[c] = four[c]*3, four[c]
			s.live[c] = four[c] > 0
		}
		if !s.live[c] {
			divisor[c] = 1
		}
	}
}

// nearPoints gives near points to the groups whose levels are none.
func (b *batch) nearPoints(book *codebook, first, groups int, scales []float32) {
	s := &b.lattice
	n := 0
	for i, entry := range s.point[:groups*b.columns] {
		s.items[n] = int32(i)
		n += int(uint32(entry) >> 31)
	}
	d := ofDim(book.dim)
	b.lattices.near[d](&s.point[0], &s.items[0], n, &s.x[first], &s.root[first], &s.places[0], &scales[0], b.columns,
		&oddLevels[d][0], &book.near.levels[0], &book.near.index[0])
}

// roundAgain rounds a second time, with the scales found; see latticeFit.again.
func (b *batch) roundAgain(t *latticeType, book *codebook, first, groups int) {
	s, columns, dim := &b.lattice, b.columns, ofDim(book.dim)
	l := &b.lanes.lattices
	divisor, scale := s.row(layout.CodebookDivisor, columns), s.row(layout.CodebookScale, columns)
	var needed [maxColumns]bool
	redo := s.row(layout.CodebookRedo, columns)
	for c, best := range s.row(layout.CodebookBest, columns) {
		if !(abs32(best) < infinity && abs32(scale[c]) < infinity) {
			redo[c] = infinity
		}
		marks := int32(0)
		for g := range groups {
			marks |= s.best[g*columns+c]
		}
		needed[c] = (t.second == always || marks >= layout.NearMark) && scale[c] > 0
		divisor[c] = 1
		if needed[c] {
			divisor[c] = scale[c]
		}
	}
	l.round[dim](&s.state[0], &divisor[0], &b.tableX[0], &s.point[0], &book.entry[0], groups, 1)
	for g := range groups {
		best, point := s.best[g*columns:][:columns], s.point[g*columns:][:columns]
		for c, p := range best {
			if !needed[c] || t.second == nearOnes && p < layout.NearMark {
				point[c] = p
			}
		}
	}
	b.nearPoints(book, first, groups, divisor)
	copy(s.scale[:columns], scale)
	best := s.row(layout.CodebookBest, columns)
	for c := range best {
		best[c] = infinity // nothing explains more
	}
	l.sums[dim](&s.state[0], &b.tableQ[0], &b.tableW[0], &s.best[0], &s.point[0], &book.points[0], groups)
	xq, q2 := s.row(layout.CodebookXQ, columns), s.row(layout.CodebookQ2, columns)
	for c := range columns {
		if needed[c] && q2[c] > 0 {
			s.scale[c] = xq[c] / q2[c]
		}
		if !(abs32(s.scale[c]) < infinity) {
			redo[c] = infinity
		}
	}
}

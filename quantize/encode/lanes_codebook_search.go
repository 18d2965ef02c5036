package encode

import (
	"math"

	"bitmill/quantize/encode/layout"
)

// searchCodebook sets s.blocks for the sub-blocks from value first on, as many as the tables have columns.
func (ws *workspace) searchCodebook(t *codebookType, book *codebook, first int) {
	s, columns, groups, dim := &ws.codebook, ws.columns, t.size/book.dim, ofDim(book.dim)
	l := &ws.lanes.codebooks
	ws.transpose(&ws.tableX[0], &s.x[first], columns, t.size)
	ws.transpose(&ws.tableW[0], &ws.w[first], columns, t.size)
	var four []float32
	if t.four {
		four = ws.fourLevels(t.size)
	}
	l.start(&s.state[0], &ws.tableX[0], &ws.tableW[0], &ws.tableQ[0], t.size)
	ws.prepareCodebook(t, book.top(), four)
	clear(s.best[:groups*columns])
	if t.second != nearOnes {
		for i := range s.best[:groups*columns] {
			s.best[i] = layout.NearMark
		}
	}
	step, divisor := s.row(layout.CodebookStep, columns), s.row(layout.CodebookDivisor, columns)
	for k := -t.steps; k <= t.steps; k++ {
		numerator := book.top() + float32(t.step*float32(k))
		l.round[dim](&s.state[0], &divisor[0], &ws.tableX[0], &s.entry[0], &book.lookup[0], groups, numerator)
		ws.nearEntries(book, first, groups, step)
		l.sums[dim](&s.state[0], &ws.tableQ[0], &ws.tableW[0], &s.best[0], &s.entry[0], &book.entries[0], groups)
	}
	ws.roundAgain(t, book, first, groups)
	ws.takeCodebook(t, book, first, groups)
}

// fourLevels finds the scales for four levels.
func (ws *workspace) fourLevels(size int) []float32 {
	scales := ws.codebook.scale[:ws.columns]
	ws.nonnegTable(size, ws.columns/ws.width, 4)
	for c := range scales {
		scales[c] = ws.row(layout.NonnegScale)[c]
		if math.Float32bits(ws.row(layout.NonnegRedo)[c]) != 0 {
			var q [32]uint8
			x, w := ws.column(size, c)
			scales[c] = searchNonneg(q[:size], x, w, 4)
		}
	}
	return scales
}

// prepareCodebook sets the start of the first candidate. four are the scales for four levels, of types that need them.
func (ws *workspace) prepareCodebook(t *codebookType, top float32, four []float32) {
	s, columns := &ws.codebook, ws.columns
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

// nearEntries finds near entries for the groups whose levels are not in the codebook.
func (ws *workspace) nearEntries(book *codebook, first, groups int, scales []float32) {
	s := &ws.codebook
	n := 0
	for i, found := range s.entry[:groups*ws.columns] {
		s.items[n] = int32(i)
		n += int(uint32(found) >> 31)
	}
	d := ofDim(book.dim)
	ws.codebooks.near[d](&s.entry[0], &s.items[0], n, &s.x[first], &s.root[first], &s.places[0], &scales[0], ws.columns,
		&oddLevels[d][0], &book.near.levels[0], &book.near.index[0])
}

// roundAgain rounds a second time, with the scales found; see codebookFit.again.
func (ws *workspace) roundAgain(t *codebookType, book *codebook, first, groups int) {
	s, columns, dim := &ws.codebook, ws.columns, ofDim(book.dim)
	l := &ws.lanes.codebooks
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
	l.round[dim](&s.state[0], &divisor[0], &ws.tableX[0], &s.entry[0], &book.lookup[0], groups, 1)
	for g := range groups {
		best, entry := s.best[g*columns:][:columns], s.entry[g*columns:][:columns]
		for c, p := range best {
			if !needed[c] || t.second == nearOnes && p < layout.NearMark {
				entry[c] = p
			}
		}
	}
	ws.nearEntries(book, first, groups, divisor)
	copy(s.scale[:columns], scale)
	best := s.row(layout.CodebookBest, columns)
	for c := range best {
		best[c] = infinity // nothing explains more
	}
	l.sums[dim](&s.state[0], &ws.tableQ[0], &ws.tableW[0], &s.best[0], &s.entry[0], &book.entries[0], groups)
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

package feedback

import (
	"math"

	"bitmill/quantize/encode"
	"bitmill/quantize/feedback/layout"
)

// lanes are the functions of one instruction set that round a sub-block of many rows at once, one per SIMD lane: see
// feeding for what a lane computes, operation by operation, so the choice is the same.
//
// Best lowers loss to the least of count candidates, an even number, and sets number to that of the one that has it.
// Round tells levels, and minus the errors. Of each there are functions for levels that are integers, for those of the
// table of IQ4_NL, and for codebooks with entries of eight and of four values.
type lanes struct {
	name  string // of the instruction set, see package cpu
	width int    // lanes of a vector

	best, bestTable func(loss, number, y, root, scale, low *float32, sub, count int, work *float32, bottom, top float32)
	bestBook        [2]func(loss, number, y, root, scale, low *float32, sub, count int, work *float32, near *uint32,
		tables *float32, even int)

	round, roundTable func(level, move, y, root, scale, low *float32, sub int, work *float32, bottom, top float32)
	roundBook         [2]func(level, move, y, root, scale, low *float32, sub int, work *float32, near *uint32,
		tables *float32, even int, entry *int32)
}

// working is the working space of these functions.
type working [layout.FeedRows * layout.Candidates * blockRows]float32

// lanesOf returns the lanes of an instruction set; nil for plain Go.
func lanesOf(name string) *lanes {
	for _, l := range nativeLanes {
		if l.name == name {
			return l
		}
	}
	return nil
}

// best finds, for each row, the number of the candidate with the least loss below that given.
func (b *rowBlock) best(loss, number *vector, y, root []float32) {
	if b.lanes == nil {
		b.bestGeneric(loss, number, y, root)
		return
	}
	c, book := &b.list, b.g.Book
	for r := 0; r < blockRows; r += b.lanes.width {
		if book != nil {
			b.lanes.bestBook[book.Dim/4%2](&loss[r], &number[r], &y[r], &root[0], &c.scale[r], &c.low[r], b.sub, c.count,
				&b.work[0], &book.Near()[0], &b.tables[0], even(book))
			continue
		}
		best := b.lanes.best
		if b.g.Table != nil {
			best = b.lanes.bestTable
		}
		best(&loss[r], &number[r], &y[r], &root[0], &c.scale[r], &c.low[r], b.sub, c.count, &b.work[0], float32(b.g.Low),
			float32(b.g.Low+b.g.Top))
	}
}

// round rounds a sub-block with the scales of each row.
func (b *rowBlock) round(y, root []float32, scale, low *vector) {
	if b.lanes == nil {
		b.roundGeneric(y, root, scale, low)
		return
	}
	now, book := &b.now, b.g.Book
	for r := 0; r < blockRows; r += b.lanes.width {
		if book != nil {
			b.lanes.roundBook[book.Dim/4%2](&now.level[r], &now.move[r], &y[r], &root[0], &scale[r], &low[r], b.sub, &b.work[0],
				&book.Near()[0], &b.tables[0], even(book), &now.entry[r])
			continue
		}
		round := b.lanes.round
		if b.g.Table != nil {
			round = b.lanes.roundTable
		}
		round(&now.level[r], &now.move[r], &y[r], &root[0], &scale[r], &low[r], b.sub, &b.work[0], float32(b.g.Low),
			float32(b.g.Low+b.g.Top))
	}
}

func even(b *encode.Book) int {
	if b.Even {
		return 1
	}
	return 0
}

// bookTables are what lanes read of a codebook.
type bookTables [layout.BookRows * blockRows]float32

func tablesOf(b *encode.Book) (t bookTables) {
	worth := b.Worth()
	middle := func(i int) float32 {
		if i+1 < len(worth) {
			return (worth[i] + worth[i+1]) / 2
		}
		return float32(math.Inf(1))
	}
	levels := 32 / b.Dim // 3 of 4, or 8
	for i := range blockRows {
		at(t[:], layout.BookWorth)[i] = worth[min(i%levels, len(worth)-1)]
		at(t[:], layout.BookFirst)[i] = middle(levels/2 - 1)
		at(t[:], layout.BookSecond)[i] = middle(i + levels/4 - 1)
		at(t[:], layout.BookThird)[i] = middle(i)
	}
	return t
}

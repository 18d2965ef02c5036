package feedback

import "bitmill/quantize/feedback/layout"

// lanes are the functions of one instruction set that round a sub-block of many rows at once, one per SIMD lane: see
// feeding for what a lane computes, operation by operation, so the choice is the same. For each kind of levels there are
// two functions, for integers and for the table of IQ4_NL.
type lanes struct {
	name  string // of the instruction set, see package cpu
	width int    // lanes of a vector

	best  [2]feedBest
	round [2]feedRound
}

// feedBest lowers loss to the least of count candidates, and sets number to that of the one that has it.
type feedBest = func(loss, number, y, root, scale, low *float32, sub, count int, bottom, top float32, work *float32)

// feedRound tells levels, and minus the errors.
type feedRound = func(level, move, y, root, scale, low *float32, sub int, bottom, top float32, work *float32)

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

// kind is that of the grid's levels.
func (b *rowBlock) kind() int {
	if b.g.Table != nil {
		return 1
	}
	return 0
}

// best finds, for each row, the number of the candidate with the least loss below that given.
func (b *rowBlock) best(loss, number *vector, y, root []float32) {
	if b.lanes == nil || b.g.Book != nil {
		b.bestGeneric(loss, number, y, root)
		return
	}
	c, low, top := &b.list, float32(b.g.Low), float32(b.g.Low+b.g.Top)
	for r := 0; r < blockRows; r += b.lanes.width {
		b.lanes.best[b.kind()](&loss[r], &number[r], &y[r], &root[0], &c.scale[r], &c.low[r], b.sub, c.count, low, top,
			&b.work[0])
	}
}

// round rounds a sub-block with the scales of each row.
func (b *rowBlock) round(y, root []float32, scale, low *vector) {
	if b.lanes == nil || b.g.Book != nil {
		b.roundGeneric(y, root, scale, low)
		return
	}
	bottom, top := float32(b.g.Low), float32(b.g.Low+b.g.Top)
	for r := 0; r < blockRows; r += b.lanes.width {
		b.lanes.round[b.kind()](&b.now.level[r], &b.now.move[r], &y[r], &root[0], &scale[r], &low[r], b.sub, bottom, top,
			&b.work[0])
	}
}

package feedback

import "math"

// span is how many columns are moved by the errors before them at once: those behind the span wait for all of its
// errors.
const span = 256

// search chooses scales and levels sub-block after sub-block: of the scales near those of the start the one with the
// smallest error inside the sub-block, whose errors then move the columns behind it.
func (b *rowBlock) search() {
	n, w := b.n, b.e
	for i, c := range b.perm {
		*at(w, i) = *at(b.target, c)
	}
	// behind moves columns [to, end) by the errors of [from, to).
	behind := func(from, to, end int) {
		if to == end {
			return
		}
		b.set.GemmPanels(w[to*blockRows:], panel, b.ut[to*b.stride+from:], b.stride, b.move[from%span*blockRows:], 0, end-to,
			panel, to-from, true)
	}
	for first := 0; first < n; first += span {
		end := min(first+span, n)
		for at := first; at < end; at += b.sub {
			b.searchBlock(w, at)
			behind(at, at+b.sub, end)
		}
		behind(first, end, n)
	}
}

// searchBlock chooses the sub-block at a place of the order.
func (b *rowBlock) searchBlock(w []float32, place int) {
	sub, y := b.sub, w[place*blockRows:][:b.sub*blockRows]
	id := b.perm[place] / sub
	root := b.roots[place*sub:][:sub*sub]
	var loss, number vector
	for r := range loss {
		loss[r] = float32(math.Inf(1))
	}
	b.near(id, searchScales, searchLows)
	b.choose(&loss, &number, y, root, id)
	for i := range sub {
		move, from := at(b.move, place%span+i), at(b.now.move[:], i)
		for r, k := range number {
			if move[r] = from[r]; k < 0 { // values that are not numbers
				move[r] = 0
			}
		}
		b.keep(&number, b.perm[place+i], i)
	}
	b.keepEntries(&number, id)
}

// choose finds the best candidates below a loss, takes their scales and rounds with them. Rows without one have number
// -1.
func (b *rowBlock) choose(loss, number *vector, y, root []float32, id int) {
	for r := range number {
		number[r] = -1
	}
	b.best(loss, number, y, root)
	scale, low := b.take(id, number)
	b.round(y, root, &scale, &low)
}

// keep stores the levels of column i of a sub-block in the rows that have a candidate.
func (b *rowBlock) keep(number *vector, column, i int) {
	level, from := at(b.level, column), at(b.now.level[:], i)
	for r, k := range number {
		if k >= 0 {
			level[r] = from[r]
		}
	}
}

// keepEntries does the same with the entries of a sub-block.
func (b *rowBlock) keepEntries(number *vector, id int) {
	if b.g.Book == nil {
		return
	}
	count := b.sub / b.g.Book.Dim
	for i := range count {
		entry, from := ints(b.entry, id*count+i), ints(b.now.entry[:], i)
		for r, k := range number {
			if k >= 0 {
				entry[r] = from[r]
			}
		}
	}
}

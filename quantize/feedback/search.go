package feedback

import "math"

// search chooses scales and levels sub-block after sub-block: of the scales near those of the start the one with the
// smallest error inside the sub-block, whose errors then move the columns behind it.
func (b *rowBlock) search(target []float32) {
	n, sub := b.n, b.sub
	b.w = make([]float32, b.rows*n)
	for r := range b.rows {
		for j, c := range b.perm {
			b.w[r*n+j] = target[r*n+c]
		}
	}
	errs := make([]float32, b.rows*sub)
	for at := 0; at < n; at += sub {
		for r := range b.rows {
			b.searchBlock(r, at, errs[r*sub:][:sub])
		}
		if rest := n - at - sub; rest > 0 {
			b.set.GemmPanels(b.w[at+sub:], n, errs, sub, b.u[((at+sub)/panel*n+at)*panel:], panel*n, b.rows, rest, sub, true)
		}
	}
}

// searchBlock chooses the sub-block at a place of the order, and sets errs to what moves the columns behind: minus the
// errors.
func (b *rowBlock) searchBlock(r, at int, errs []float32) {
	x, sub := b.x[r], b.sub
	id := b.perm[at] / sub
	var y [widest]float32
	var now, chosen levels
	copy(y[:sub], b.w[r*b.n+at:])
	root := b.uBlocks[at*sub:][:sub*sub]
	best, found := float32(math.Inf(1)), -1
	list := b.candidates(x, id, 4, 2)
	for i, c := range list {
		if loss := b.feed(&y, root, c, best, &now); loss < best {
			best, found, chosen = loss, i, now
		}
	}
	if found < 0 {
		return // values that are not numbers
	}
	b.take(x, id, list[found])
	b.put(x, id*sub, &chosen, func(i int) int { return b.perm[at+i] })
	for i := range sub {
		errs[i] = -chosen.errs[i]
	}
}

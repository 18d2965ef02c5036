package feedback

// descend improves sub-block after sub-block while the others are fixed: the best real values of sub-block b lie at
// v + inverse(H_bb)·G_b, with G = He, and the nearest of the grid under H_bb replace it if they are cheaper. Then d of
// the super-block moves.
func (b *rowBlock) descend(sweeps int) {
	n := b.n
	for id := range n / b.sub {
		b.values(b.e[id*b.sub*blockRows:], id)
	}
	for i, t := range b.target {
		b.e[i] = t - b.e[i]
	}
	for range sweeps {
		moved := false
		for first := 0; first < n; first += span {
			moved = b.improveSpan(first, min(first+span, n)) || moved
		}
		if !moved {
			break
		}
	}
}

// productColumns of x stay in the cache while rows of H pass.
const productColumns = 1024

// product adds to dst H·x of rows [r0, r1) and columns [c0, c1) of H; x has a vector for each of these columns.
func (s *Solver) product(dst, x []float32, r0, r1, c0, c1 int) {
	for at := c0; at < c1; at += productColumns {
		s.set.GemmPanels(dst, panel, s.h[r0*s.stride+at:], s.stride, x[(at-c0)*blockRows:], 0, r1-r0, panel,
			min(productColumns, c1-at), true)
	}
}

// improveSpan tries the sub-blocks of a span once and reports whether any moved.
func (b *rowBlock) improveSpan(first, end int) (moved bool) {
	var grad [widest * blockRows]float32
	before, move := b.grad[:(end-first)*blockRows], b.move[:(end-first)*blockRows]
	clear(before)
	clear(move)
	b.product(before, b.e, first, end, 0, b.n)
	for at := first; at < end; at += b.sub {
		i := (at - first) * blockRows
		copy(grad[:], before[i:][:b.sub*blockRows])
		if moved {
			b.product(grad[:], move, at, at+b.sub, first, at)
		}
		moved = b.improve(at, grad[:b.sub*blockRows], move[i:]) || moved
	}
	if b.g.Super == span && b.g.TTop == 0 {
		moved = b.refit(first) || moved
	}
	for i, v := range move {
		b.e[first*blockRows+i] += v
	}
	return moved
}

// improve moves the sub-block at a column if that is cheaper, and sets move to minus the change.
func (b *rowBlock) improve(place int, grad, move []float32) (moved bool) {
	sub, id := b.sub, place/b.sub
	var y, old [widest * blockRows]float32
	var loss, number vector
	b.set.GemmPanels(y[:], panel, b.inverses[place*sub:], sub, grad, 0, sub, panel, sub, false)
	b.values(old[:], id)
	for i := range sub {
		z, g, v := at(y[:], i), at(grad, i), at(old[:], i)
		for r := range z {
			loss[r] += float32(z[r] * g[r])
			z[r] += v[r]
		}
	}
	for r := range loss {
		loss[r] *= 0.99999
	}
	b.near(id, descentScales, descentLows)
	b.choose(&loss, &number, y[:], b.blockRoots[place*sub:][:sub*sub], id)
	for _, k := range number {
		moved = moved || k >= 0
	}
	if !moved {
		return false
	}
	for i := range sub {
		b.keep(&number, place+i, i)
	}
	b.keepEntries(&number, id)
	b.values(y[:], id)
	for i := range sub * blockRows {
		move[i] = old[i] - y[i]
	}
	return true
}

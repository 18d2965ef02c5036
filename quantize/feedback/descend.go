package feedback

// descend improves sub-block after sub-block while the others are fixed: the best real values of sub-block b lie at
// v + inverse(H_bb)·G_b, with G = He, and the nearest of the grid under H_bb replace it if they are cheaper. Then d and
// dmin of the super-block move.
func (b *rowBlock) descend(sweeps int) {
	n := b.n
	e := make([]float32, n*blockRows)
	for id := range n / b.sub {
		b.values(e[id*b.sub*blockRows:], id)
	}
	for i, t := range b.target {
		e[i] = t - e[i]
	}
	b.product(b.grad, e, 0, n, 0, n, false)
	for range sweeps {
		if !b.sweep() {
			break
		}
	}
}

// product is H·x, of rows [r0, r1) and columns [c0, c1) of H; x has a vector for each of these columns.
func (b *rowBlock) product(dst, x []float32, r0, r1, c0, c1 int, accumulate bool) {
	if r0 == r1 {
		return
	}
	b.set.GemmPanels(dst, panel, b.h[r0*b.stride+c0:], b.stride, x, 0, r1-r0, panel, c1-c0, accumulate)
}

// sweep tries every sub-block once and reports whether any moved.
func (b *rowBlock) sweep() (moved bool) {
	n := b.n
	for first := 0; first < n; first += span {
		end, changed := min(first+span, n), false
		clear(b.move)
		for at := first; at < end; at += b.sub {
			if b.improve(at, b.move[(at-first)*blockRows:]) {
				changed = true
				b.product(b.grad[first*blockRows:], b.move[(at-first)*blockRows:], first, end, at, at+b.sub, true)
			}
		}
		if b.g.Super == span && b.refit(first) || changed {
			moved = true
			b.product(b.grad, b.move, 0, first, first, end, true)
			b.product(b.grad[end*blockRows:], b.move, end, n, first, end, true)
		}
	}
	return moved
}

// improve moves the sub-block at a column if that is cheaper, and adds to move minus the change.
func (b *rowBlock) improve(place int, move []float32) bool {
	sub, id := b.sub, place/b.sub
	var y, old [widest * blockRows]float32
	var loss, number vector
	grad := b.grad[place*blockRows:][:sub*blockRows]
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
	b.near(id, 2, 1)
	b.choose(&loss, &number, y[:], b.blockRoots[place*sub:][:sub*sub], id)
	changed := false
	for _, k := range number {
		changed = changed || k >= 0
	}
	if !changed {
		return false
	}
	for i := range sub {
		b.keep(&number, place+i, i)
	}
	b.keepEntries(&number, id)
	b.values(y[:], id)
	for i := range sub * blockRows {
		move[i] += old[i] - y[i]
	}
	return true
}

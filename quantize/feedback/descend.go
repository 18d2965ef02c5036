package feedback

import (
	"bitmill/quantize/encode"
)

// descend improves sub-block after sub-block while the others are fixed: the best real values of sub-block b lie at
// v + inverse(H_bb)·G_b, with G = He, and the nearest of the grid under H_bb replace it if they are cheaper. Then d and
// dmin of each super-block move.
func (b *rowBlock) descend(target []float32) {
	n := b.n
	b.e, b.v, b.grad = make([]float32, b.rows*n), make([]float32, b.rows*n), make([]float32, b.rows*n)
	for r, x := range b.x {
		for i := range n {
			b.v[r*n+i] = b.value(x, i)
			b.e[r*n+i] = target[r*n+i] - b.v[r*n+i]
		}
	}
	b.set.GemmPanels(b.grad, n, b.e, n, b.h, panel*n, b.rows, n, n, false)
	for range b.sweeps {
		if !b.sweep() {
			break
		}
		if b.g.Super == 256 {
			b.refit()
		}
	}
}

// value is the decoded value of a column.
func (b *rowBlock) value(x *encode.Levels, i int) float32 {
	sub, super := i/b.g.Sub, i/b.g.Super
	return x.D[super]*b.g.Scale(x.S[sub])*b.g.LevelOf(x, i) - x.DMin[super]*float32(x.T[sub])
}

// sweep tries every sub-block once and reports whether any moved.
func (b *rowBlock) sweep() (moved bool) {
	n, sub := b.n, b.sub
	delta := make([]float32, b.rows*sub)
	for at := 0; at < n; at += sub {
		clear(delta)
		changed := false
		for r := range b.rows {
			changed = b.improve(r, at, delta[r*sub:][:sub]) || changed
		}
		if changed {
			moved = true
			b.set.GemmPanels(b.grad, n, delta, sub, b.h[at*panel:], panel*n, b.rows, n, sub, true)
		}
	}
	return moved
}

// improve moves the sub-block at column at of a row if that is cheaper, and sets delta to minus the change.
func (b *rowBlock) improve(r, at int, delta []float32) bool {
	n, sub, x := b.n, b.sub, b.x[r]
	var y [widest]float32
	var now, chosen levels
	grad, inverse, root := b.grad[r*n+at:][:sub], b.hInv[at*sub:][:sub*sub], b.hRoot[at*sub:][:sub*sub]
	stay := float32(0)
	for i := range sub {
		z := float32(0)
		for j, g := range grad {
			z += inverse[i*sub+j] * g
		}
		y[i] = b.v[r*n+at+i] + z
		stay += z * grad[i]
	}
	best, found := stay*0.99999, -1
	list := b.candidates(x, at/sub, 2, 1)
	for i, c := range list {
		if loss := b.feed(&y, root, c, best, &now); loss < best {
			best, found, chosen = loss, i, now
		}
	}
	if found < 0 {
		return false
	}
	b.take(x, at/sub, list[found])
	b.put(x, at, &chosen, func(i int) int { return at + i })
	for i := range sub {
		v := b.value(x, at+i)
		d := v - b.v[r*n+at+i]
		b.v[r*n+at+i] = v
		b.e[r*n+at+i] -= d
		delta[i] = -d
	}
	return true
}

// refit moves d, then dmin, of each super-block to the best place: by u'G / u'Hu, where u are the values' slopes,
// rounded to 16 bits, if the objective falls by it.
func (b *rowBlock) refit() {
	n := b.n
	u, hu := make([]float32, b.rows*256), make([]float32, b.rows*256)
	for super := range n / 256 {
		for part := range 2 {
			if part == 1 && b.g.TTop == 0 {
				break
			}
			for r, x := range b.x {
				b.slopes(u[r*256:][:256], x, super, part == 1)
			}
			b.set.GemmPanels(hu, 256, u, 256, b.hSuper[super*256*256:], panel*256, b.rows, 256, 256, false)
			changed := false
			for r, x := range b.x {
				changed = b.move(x, r, super, part == 1, u[r*256:][:256], hu[r*256:][:256]) || changed
			}
			if changed {
				b.set.GemmPanels(b.grad, n, u, 256, b.h[super*256*panel:], panel*n, b.rows, n, 256, true)
			}
		}
	}
}

// slopes are the derivatives of the values of a super-block by d, or by dmin.
func (b *rowBlock) slopes(u []float32, x *encode.Levels, super int, low bool) {
	for i := range u {
		sub := (super*256 + i) / b.sub
		if low {
			u[i] = -float32(x.T[sub])
		} else {
			u[i] = b.g.Scale(x.S[sub]) * b.g.LevelOf(x, super*256+i)
		}
	}
}

// move changes d or dmin of a row's super-block if that is cheaper, and leaves in u minus the change of the values.
func (b *rowBlock) move(x *encode.Levels, r, super int, low bool, u, hu []float32) bool {
	at := r*b.n + super*256
	num, den := 0.0, 0.0
	for i, s := range u {
		num += float64(s) * float64(b.grad[at+i])
		den += float64(s) * float64(hu[i])
	}
	p := &x.D[super]
	if low {
		p = &x.DMin[super]
	}
	next := *p
	if den > 0 {
		next = encode.Half(*p + float32(num/den))
	}
	step := float64(next) - float64(*p)
	if step == 0 || !(-2*step*num+step*step*den < 0) || next-next != 0 {
		clear(u)
		return false
	}
	*p = next
	for i := range u {
		d := float32(step) * u[i]
		b.v[at+i] += d
		b.e[at+i] -= d
		u[i] = -d
	}
	return true
}

package feedback

import "bitmill/quantize/encode"

// refit moves d of the super-block at a column to the best place, by u'G / u'Hu, where u are the values' slopes, rounded
// to 16 bits, if the objective falls by it. It reports whether one moved. With minima, sub-blocks have moved so freely
// that neither d nor dmin gains by it.
func (b *rowBlock) refit(first int) (moved bool) {
	u, hu := b.slopes[:span*blockRows], b.slopes[span*blockRows:]
	for i := range span {
		u, level, s := at(u, i), at(b.level, first+i), ints(b.s, (first+i)/b.sub)
		for r := range u {
			u[r] = float32(b.g.Scale(s[r]) * level[r])
		}
	}
	clear(hu)
	b.product(hu, u, first, first+span, first, first+span)
	var num, den [blockRows]float64 // u'G = u'(G before + H·move)
	for i := range span {
		u, hu, grad, move := at(u, i), at(hu, i), at(b.grad, i), at(b.move, i)
		for r, s := range u {
			num[r] += float64(s)*float64(grad[r]) + float64(hu[r])*float64(move[r])
			den[r] += float64(s) * float64(hu[r])
		}
	}
	var steps vector
	for r := range steps {
		d := &at(b.d, first/span)[r]
		next := *d
		if den[r] > 0 {
			next = encode.Half(*d + float32(num[r]/den[r]))
		}
		step := float64(next) - float64(*d)
		if step == 0 || !(-2*step*num[r]+step*step*den[r] < 0) || next-next != 0 {
			continue
		}
		*d, steps[r], moved = next, float32(step), true
	}
	if moved {
		for i := range span {
			move, u := at(b.move, i), at(u, i)
			for r, s := range steps {
				move[r] -= float32(s * u[r])
			}
		}
	}
	return moved
}

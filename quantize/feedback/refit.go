package feedback

import "bitmill/quantize/encode"

// refit moves d, then dmin, of the super-block at a column to the best place: by u'G / u'Hu, where u are the values'
// slopes, rounded to 16 bits, if the objective falls by it. It reports whether one moved.
func (b *rowBlock) refit(first int) (moved bool) {
	u, hu := make([]float32, span*blockRows), make([]float32, span*blockRows)
	for _, low := range []bool{false, true}[:1+min(b.g.TTop, 1)] {
		b.slopes(u, first, low)
		b.product(hu, u, first, first+span, first, first+span, false)
		step, any := b.steps(u, hu, first, low)
		if !any {
			continue
		}
		moved = true
		for i := range span {
			move, grad, u, hu := at(b.move, i), at(b.grad, first+i), at(u, i), at(hu, i)
			for r, s := range step {
				move[r] -= float32(s * u[r])
				grad[r] -= float32(s * hu[r])
			}
		}
	}
	return moved
}

// slopes are the derivatives of the values of a super-block by d, or by dmin.
func (b *rowBlock) slopes(u []float32, first int, low bool) {
	var scale vector
	for i := range span {
		if i%b.sub == 0 {
			s, t := ints(b.s, (first+i)/b.sub), ints(b.t, (first+i)/b.sub)
			for r := range scale {
				if scale[r] = b.g.Scale(s[r]); low {
					scale[r] = -float32(t[r])
				}
			}
		}
		to, level := at(u, i), at(b.level, first+i)
		for r := range to {
			if to[r] = scale[r]; !low {
				to[r] = float32(scale[r] * level[r])
			}
		}
	}
}

// steps changes d or dmin where that is cheaper, and returns by how much.
func (b *rowBlock) steps(u, hu []float32, first int, low bool) (steps vector, moved bool) {
	var num, den [blockRows]float64
	for i := range span {
		u, hu, grad := at(u, i), at(hu, i), at(b.grad, first+i)
		for r, s := range u {
			num[r] += float64(s) * float64(grad[r])
			den[r] += float64(s) * float64(hu[r])
		}
	}
	list := b.d
	if low {
		list = b.dmin
	}
	for r := range steps {
		p := &at(list, first/span)[r]
		next := *p
		if den[r] > 0 {
			next = encode.Half(*p + float32(num[r]/den[r]))
		}
		step := float64(next) - float64(*p)
		if step == 0 || !(-2*step*num[r]+step*step*den[r] < 0) || next-next != 0 {
			continue
		}
		*p, steps[r], moved = next, float32(step), true
	}
	return steps, moved
}

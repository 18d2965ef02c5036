package encode

// symmetric is a sub-block's fit around zero: x[i] ~ scale*q[i] with q[i] in -half..half-1,
// q[i] = clamp(nearest(inverse * x[i])).
type symmetric struct {
	scale, inverse float32
	zero           bool // nothing but zeros: levels are all 0, the lowest
}

// levels writes q[i] + half, from 0 to 2*half-1.
func (f *symmetric) levels(q []uint8, x []float32, half int32) {
	x = x[:len(q)]
	for i := range q {
		if f.zero {
			q[i] = 0
			continue
		}
		q[i] = uint8(half + max(-half, min(half-1, nearest(f.inverse*x[i]))))
	}
}

// searchSymmetric finds the scale for at most 32 values: the largest magnitude is put on level -half, or up to 0.9
// levels beside it in 18 steps of 0.1; least squares with weights w gives each candidate's scale and (sum w*x*q)^2 /
// sum w*q^2 how much of the values it explains; the most wins.
func searchSymmetric(x, w []float32, half int32) symmetric {
	extreme, magnitude := largest(x)
	if magnitude < tiny {
		return symmetric{zero: true}
	}
	w = w[:len(x)]
	var buffer [32]float32
	wx := buffer[:len(x)]
	for i, v := range x {
		wx[i] = w[i] * v
	}
	limit := float32(half)
	f := symmetric{inverse: -limit / extreme}
	sumXQ, sumQ2 := symmetricSums(x, w, wx, f.inverse, limit)
	if sumQ2 != 0 {
		f.scale = sumXQ / sumQ2
	}
	best := f.scale * sumXQ
	for k := -9; k <= 9; k++ {
		if k == 0 {
			continue
		}
		inverse := -(limit + float32(float32(0.1)*float32(k))) / extreme
		sumXQ, sumQ2 = symmetricSums(x, w, wx, inverse, limit)
		if sumQ2 > 0 && float32(sumXQ*sumXQ) > float32(best*sumQ2) {
			f.scale, f.inverse = sumXQ/sumQ2, inverse
			best = f.scale * sumXQ
		}
	}
	return f
}

// symmetricSums returns the sums of w*x*q and w*q^2; wx holds w*x. Values are at most half+1 steps from zero here, so
// rounding by addition is safe.
func symmetricSums(x, w, wx []float32, inverse, limit float32) (sumXQ, sumQ2 float32) {
	w, wx = w[:len(x)], wx[:len(x)]
	top := limit - 1
	for i, v := range x {
		l := float32(float32(inverse*v)+roundBias) - roundBias
		if l < -limit {
			l = -limit
		}
		if l > top {
			l = top
		}
		sumXQ += float32(wx[i] * l)
		sumQ2 += float32(float32(w[i]*l) * l)
	}
	return sumXQ, sumQ2
}

// refineSymmetric finds the scale for at most 32 values weighted by their squares, without candidates: from the levels
// that put the largest magnitude on -half, single levels move for as long as that explains more (at most 5 rounds).
// It writes q[i] + half.
func refineSymmetric(q []uint8, x []float32, half int32) (scale float32) {
	x = x[:len(q)]
	extreme, magnitude := largest(x)
	if magnitude < tiny {
		clear(q)
		return 0
	}
	var buffer [32]int32
	level := buffer[:len(q)]
	inverse := -float32(half) / extreme
	var sumXQ, sumQ2 float32
	for i, v := range x {
		l := max(-half, min(half-1, nearest(inverse*v)))
		level[i] = l
		w := v * v
		sumXQ += float32(float32(w*v) * float32(l))
		sumQ2 += float32(float32(w*float32(l)) * float32(l))
	}
	for range 5 {
		changed := false
		for i, v := range x {
			w, l := v*v, float32(level[i])
			xq := sumXQ - float32(float32(w*v)*l)
			if !(xq > 0) {
				continue
			}
			q2 := sumQ2 - float32(float32(w*l)*l)
			moved := max(-half, min(half-1, nearest(float32(v*q2)/xq)))
			if moved == level[i] {
				continue
			}
			l = float32(moved)
			xq += float32(float32(w*v) * l)
			q2 += float32(float32(w*l) * l)
			if q2 > 0 && float32(float32(xq*xq)*sumQ2) > float32(float32(sumXQ*sumXQ)*q2) {
				level[i], sumXQ, sumQ2 = moved, xq, q2
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	for i, l := range level {
		q[i] = uint8(l + half)
	}
	if sumQ2 > 0 {
		return sumXQ / sumQ2
	}
	return 0
}

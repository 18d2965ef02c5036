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

// fitSums are the sums of w*x*q and w*q^2 for one set of levels: their quotient is the best scale, and the square of
// the first over the second how much of sum w*x^2 it explains.
type fitSums struct{ xq, q2 float32 }

// explains reports whether the levels explain more than best does.
func (s fitSums) explains(best float32) bool {
	return s.q2 > 0 && float32(s.xq*s.xq) > float32(best*s.q2)
}

// searchSymmetric finds the scale for at most 32 values with weights w: the largest magnitude is put on level -half, or
// up to 0.9 levels beside it in 18 steps of 0.1; the candidate that explains most wins.
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
	sums, _ := symmetricSums(x, w, wx, f.inverse, f.inverse, half)
	if sums.q2 != 0 {
		f.scale = sums.xq / sums.q2
	}
	best := f.scale * sums.xq
	for k := 0; k < len(tenths); k += 2 {
		inverse0, inverse1 := -(limit+tenths[k])/extreme, -(limit+tenths[k+1])/extreme
		s0, s1 := symmetricSums(x, w, wx, inverse0, inverse1, half)
		if s0.explains(best) {
			f.scale, f.inverse = s0.xq/s0.q2, inverse0
			best = f.scale * s0.xq
		}
		if s1.explains(best) {
			f.scale, f.inverse = s1.xq/s1.q2, inverse1
			best = f.scale * s1.xq
		}
	}
	return f
}

// tenths are the offsets tried, in this order: k * 0.1, both as float32.
var tenths = func() (t [18]float32) {
	for i := range 9 {
		t[i] = float32(float32(0.1) * float32(i-9))
		t[17-i] = -t[i]
	}
	return t
}()

// symmetricSums returns the sums of two candidates, which do not depend on each other: together they cost little more
// than one. wx holds w*x.
func symmetricSums(x, w, wx []float32, inverse0, inverse1 float32, half int32) (s0, s1 fitSums) {
	w, wx = w[:len(x)], wx[:len(x)]
	low, high := -half, half-1
	var xq0, q20, xq1, q21 float32
	for i, v := range x {
		w, wx := w[i], wx[i]
		l0 := level(inverse0*v, low, high)
		l1 := level(inverse1*v, low, high)
		xq0 += float32(wx * l0)
		q20 += float32(float32(w*l0) * l0)
		xq1 += float32(wx * l1)
		q21 += float32(float32(w*l1) * l1)
	}
	return fitSums{xq0, q20}, fitSums{xq1, q21}
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

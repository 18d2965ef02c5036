package encode

// searchNonneg quantizes at most 32 values >= 0 (the scales or minima of a super-block's sub-blocks, or magnitudes, few
// of them with the wrong sign) to levels q[i] in 0..top with weights w, and returns their common scale: the best of
// nine steps around top/largest by squared error, then single levels move as long as that explains more (at most 5
// rounds).
func searchNonneg(q []uint8, x, w []float32, top int32) (scale float32) {
	x, w = x[:len(q)], w[:len(q)]
	var largest float32
	for _, v := range x {
		if v > largest {
			largest = v
		}
	}
	if largest < tiny {
		clear(q)
		return 0
	}
	inverse := bestStep(x, w, top, largest)
	var sumXQ, sumQ2 float32
	for i, v := range x {
		l := min(top, nearest(inverse*v))
		q[i] = uint8(l)
		sumXQ += float32(float32(w[i]*v) * float32(l))
		sumQ2 += float32(float32(w[i]*float32(l)) * float32(l))
	}
	for range 5 {
		changed := false
		for i, v := range x {
			l := float32(q[i])
			xq := sumXQ - float32(float32(w[i]*v)*l)
			q2 := sumQ2 - float32(float32(w[i]*l)*l)
			if !(xq > 0 && q2 > 0) {
				continue
			}
			moved := min(top, nearest(float32(v*q2)/xq))
			if moved == int32(q[i]) {
				continue
			}
			l = float32(moved)
			xq += float32(float32(w[i]*v) * l)
			q2 += float32(float32(w[i]*l) * l)
			if float32(float32(xq*xq)*sumQ2) > float32(float32(sumXQ*sumXQ)*q2) {
				q[i], sumXQ, sumQ2 = uint8(moved), xq, q2
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	if sumQ2 > 0 {
		return sumXQ / sumQ2
	}
	return 0
}

// bestStep returns the inverse step, of (top + k/10) / largest for k = -4..4, with the smallest weighted squared error;
// k = 0 wins ties.
func bestStep(x, w []float32, top int32, largest float32) float32 {
	best := float32(top) / largest
	bestError := stepError(x, w, best, top, 255) // its levels are bytes: -1 is 255
	for k := -4; k <= 4; k++ {
		if k == 0 {
			continue
		}
		inverse := (float32(float32(0.1)*float32(k)) + float32(top)) / largest
		if e := stepError(x, w, inverse, top, -1); e < bestError {
			bestError, best = e, inverse
		}
	}
	return best
}

// stepError is the sum of w*(x - q/inverse)^2 with q = nearest(inverse*x), at most top, of which the bits in mask
// count.
func stepError(x, w []float32, inverse float32, top, mask int32) (total float32) {
	scale := 1 / inverse
	for i, v := range x {
		d := v - float32(scale*float32(min(top, nearest(inverse*v))&mask))
		total += float32(float32(w[i]*d) * d)
	}
	return total
}

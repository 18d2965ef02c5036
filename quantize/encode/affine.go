package encode

// stepRange lists the candidate inverse steps of an affine search: (low + step*k + levels) / range for k = 0..last.
type stepRange struct {
	low, step float32
	last      int
}

// affine is a sub-block's fit: x[i] ~ scale*q[i] - min with min >= 0 and q[i] in 0..top.
// q[i] = clamp(nearest(inverse * (x[i] - origin))): the step and origin of the candidate that won.
type affine struct {
	scale, min      float32
	inverse, origin float32
	zero            bool // all values equal and none positive: every q is 0
}

// levels writes q[i] for the values that were fitted.
func (f *affine) levels(q []uint8, x []float32, top int32) {
	x = x[:len(q)]
	for i := range q {
		if f.zero {
			q[i] = 0
			continue
		}
		q[i] = uint8(max(0, min(top, nearest(f.inverse*(x[i]-f.origin)))))
	}
}

// searchAffine finds scale and minimum for at most 32 values. Each candidate step gives levels; weighted least squares
// over (q, x) give that candidate's scale and minimum (the minimum held at or below 0); the candidate
// with the smallest weighted error wins: sum w*d^2, or sum w*|d| when absolute. Once a candidate has won, the next
// ones measure from its minimum.
func searchAffine(x, w []float32, top int32, r stepRange, absolute bool) affine {
	w = w[:len(x)]
	low, high := extent(x)
	sumW, sumX := w[0], float32(w[0]*x[0])
	for i := 1; i < len(x); i++ {
		sumW += w[i]
		sumX += float32(w[i] * x[i])
	}
	if low > 0 {
		low = 0
	}
	if high <= low {
		return affine{min: -low, zero: true}
	}
	var buffer [32]float32
	q := buffer[:len(x)]
	limit := float32(top)

	inverse := limit / (high - low)
	best := affine{scale: 1 / inverse, inverse: inverse, origin: low}
	for i, v := range x {
		q[i] = level(inverse*(v-low), 0, top)
	}
	bestError := affineError(q, x, w, best.scale, low, absolute)
	for k := range r.last + 1 {
		inverse = (r.low + float32(r.step*float32(k)) + limit) / (high - low)
		sumQ, sumQ2, sumXQ := affineSums(q, x, w, inverse, low, top)
		det := float32(sumW*sumQ2) - float32(sumQ*sumQ)
		if !(det > 0) {
			continue
		}
		scale := (float32(sumW*sumXQ) - float32(sumX*sumQ)) / det
		offset := (float32(sumQ2*sumX) - float32(sumQ*sumXQ)) / det
		if offset > 0 {
			offset = 0
			scale = sumXQ / sumQ2
		}
		if e := affineError(q, x, w, scale, offset, absolute); e < bestError {
			bestError = e
			best.scale, best.inverse, best.origin = scale, inverse, low
			low = offset
		}
	}
	best.min = -low
	return best
}

// affineSums fills q with the levels, as floats, and returns the sums of w*q, w*q^2 and w*x*q.
func affineSums(q, x, w []float32, inverse, origin float32, top int32) (sumQ, sumQ2, sumXQ float32) {
	q, w = q[:len(x)], w[:len(x)]
	for i, v := range x {
		l := level(inverse*(v-origin), 0, top)
		q[i] = l
		wq := float32(w[i] * l)
		sumQ += wq
		sumQ2 += float32(wq * l)
		sumXQ += float32(wq * v)
	}
	return sumQ, sumQ2, sumXQ
}

// affineError is the weighted error of scale*q + offset against x.
func affineError(q, x, w []float32, scale, offset float32, absolute bool) (total float32) {
	q, w = q[:len(x)], w[:len(x)]
	if absolute {
		for i, v := range x {
			total += float32(w[i] * abs32(float32(scale*q[i])+offset-v))
		}
		return total
	}
	for i, v := range x {
		d := float32(scale*q[i]) + offset - v
		total += float32(w[i] * float32(d*d))
	}
	return total
}

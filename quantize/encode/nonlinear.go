package encode

import "bitmill/formats/block"

// IQ4_NL and IQ4_XS: x ~ scale * block.Nonlinear4[q].

// middles are halfway between neighbouring levels: the nearest level to v is the number of middles at or below v.
var middles = func() (m [15]float32) {
	for i := range m {
		m[i] = (float32(block.Nonlinear4[i]) + float32(block.Nonlinear4[i+1])) / 2
	}
	return m
}()

// nonlinearLevels are the levels nearest to -128, -127.5 and so on: all middles are multiples of one half.
var nonlinearLevels = func() (t [512]uint8) {
	for i := range t {
		v := float32(i-256) / 2
		for _, m := range middles {
			if v >= m {
				t[i]++
			}
		}
	}
	return t
}()

// NearestNonlinear returns the level nearest to v, the upper one of two; 15 for NaN.
func NearestNonlinear(v float32) uint8 {
	if v <= -127 {
		return 0
	}
	if !(v < 113) {
		return 15
	}
	return nonlinearLevels[uint32(float64(v)*2+256)&511] // in float64 nothing is rounded near a middle
}

// nonlinearSums returns the sums of w*q*x and w*q^2 for the levels nearest to inverse*x.
func nonlinearSums(x, w []float32, inverse float32) (s fitSums) {
	w = w[:len(x)]
	for i, v := range x {
		q := float32(block.Nonlinear4[NearestNonlinear(inverse*v)&15])
		wq := float32(w[i] * q)
		s.xq += float32(wq * v)
		s.q2 += float32(wq * q)
	}
	return s
}

// searchNonlinear finds the scale for 32 values with weights w, 0 for zeros: the value of largest magnitude is put on
// -127, the lowest level, or up to seven steps of one beside it; the candidate that explains most wins.
func searchNonlinear(x, w *[32]float32) (scale float32) {
	extreme, magnitude := largest(x[:])
	if magnitude < tiny {
		return 0
	}
	lowest := float32(block.Nonlinear4[0])
	sums := nonlinearSums(x[:], w[:], 1/(-extreme/lowest))
	if sums.q2 > 0 {
		scale = sums.xq / sums.q2
	}
	best := scale * sums.xq
	for k := float32(-7); k <= 7; k++ {
		if s := nonlinearSums(x[:], w[:], (k+lowest)/extreme); s.explains(best) {
			scale = s.xq / s.q2
			best = scale * s.xq
		}
	}
	return scale
}

// nonlinearWeights are the search's weights: x^2, or with importance importance * sqrt(variance + x^2).
func nonlinearWeights(w, x *[32]float32, importance []float32, variance float32) {
	if importance != nil {
		importanceWeights(w[:], importance, x[:], variance)
		return
	}
	squares(w[:], x[:])
}

// packNonlinear writes the nearest levels to inverse*x, as packNibbles does.
func packNonlinear(dst []byte, x *[32]float32, inverse float32) {
	b := (*[16]byte)(dst)
	for i := range b {
		b[i] = NearestNonlinear(inverse*x[i]) | NearestNonlinear(inverse*x[i+16])<<4
	}
}

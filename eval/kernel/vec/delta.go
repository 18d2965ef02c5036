package vec

// DeltaStep advances the state S of a gated delta rule (arXiv 2412.06464) by one token, and sets y to what the query
// reads from it:
//
//	d = beta*(v - decay*Sᵀk)   S = decay*S + k dᵀ   y = Sᵀq
//
// S has len(k) rows and len(v) columns, a multiple of 16, in panels of 16 columns: [len(v)/16][len(k)][16].
func (s *Set) DeltaStep(state, k, q, v, y []float32, decay, beta float32) {
	if len(k) == 0 || len(v) == 0 {
		clear(y)
		return
	}
	s.deltaStep(state[:len(k)*len(v)], k, q[:len(k)], v, y[:len(v)], decay, beta)
}

func deltaStepGeneric(state, k, q, v, y []float32, decay, beta float32) {
	for ; len(v) > 0; state, v, y = state[panel*len(k):], v[panel:], y[panel:] {
		var d, sum [panel]float32
		for i, k := range k {
			for j, s := range state[panel*i:][:panel] {
				d[j] += k * s
			}
		}
		for j := range d {
			d[j] = beta * (v[j] - decay*d[j])
		}
		for i, k := range k {
			row := state[panel*i:][:panel]
			for j, s := range row {
				row[j] = decay*s + k*d[j]
				sum[j] += q[i] * row[j]
			}
		}
		copy(y, sum[:])
	}
}

// deltaStepOf is for DeltaStep, whose generated function takes whole panels.
func deltaStepOf(step func(state, k, q *float32, rows int, v, y *float32, panels int, decay, beta float32)) func(state,
	k, q, v, y []float32, decay, beta float32) {
	return func(state, k, q, v, y []float32, decay, beta float32) {
		step(&state[0], &k[0], &q[0], len(k), &v[0], &y[0], len(v)/panel, decay, beta)
	}
}

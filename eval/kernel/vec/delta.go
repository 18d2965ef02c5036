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
		var read chains
		for i, k := range k {
			sum := read.of(i, len(q))
			for j, s := range state[panel*i:][:panel] {
				sum[j] = FMA(s, k, sum[j])
			}
		}
		d := read.sum()
		for j := range d {
			d[j] = beta * FMA(-decay, d[j], v[j])
		}
		*(*[panel]float32)(y) = writePanel(state, &d, k, q, decay)
	}
}

// writePanel sets each row of a panel to decay times itself plus k·d, and returns the sum of the rows times q.
func writePanel(state []float32, d *[panel]float32, k, q []float32, decay float32) [panel]float32 {
	var sums chains
	for i, k := range k {
		row, sum := state[panel*i:][:panel], sums.of(i, len(q))
		for j, s := range row {
			row[j] = FMA(d[j], k, float32(decay*s))
			sum[j] = FMA(row[j], q[i], sum[j])
		}
	}
	return sums.sum()
}

// chains are the sums of rows: of every fourth, from each of the first four on. Those of the last len(rows)%4 go with the
// first.
type chains [4][panel]float32

// of is the sums for row i of n.
func (c *chains) of(i, n int) *[panel]float32 {
	if i >= n&^3 {
		return &c[0]
	}
	return &c[i%4]
}

func (c *chains) sum() [panel]float32 {
	for j := range c[0] {
		c[0][j] = (c[0][j] + c[2][j]) + (c[1][j] + c[3][j])
	}
	return c[0]
}

// deltaStepOf is for DeltaStep, whose generated function takes whole panels.
func deltaStepOf(step func(state, k, q *float32, rows int, v, y *float32, panels int, decay, beta float32)) func(state,
	k, q, v, y []float32, decay, beta float32) {
	return func(state, k, q, v, y []float32, decay, beta float32) {
		step(&state[0], &k[0], &q[0], len(k), &v[0], &y[0], len(v)/panel, decay, beta)
	}
}

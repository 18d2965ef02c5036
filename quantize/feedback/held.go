package feedback

import (
	"bitmill/formats/block"
)

// held are rows of windows that nothing is fitted on. They decide how far a correction goes, and whether a choice is
// better than the encoder's.
type held struct {
	*matrix
	x    []float32 // [tokens][n]
	miss []float32 // [tokens][rows]: the outputs of the full model, with what its residual stream has more, minus W·x
	w    []float32
}

// hold takes some of the rows that are held back; with none of them, nothing is checked.
func (m *matrix) hold(w []float32, full *site, sum []float32) *held {
	h, s := &held{matrix: m, w: w}, &m.solve
	tokens := len(s.x)/m.n - s.n
	step := max(1, tokens/heldTokens)
	var moved []float32
	for t := s.n; t < s.n+tokens; t += step {
		row := s.x[t*m.n:][:m.n]
		h.x = append(h.x, row...)
		for i, v := range full.x[t*m.n:][:m.n] {
			moved = append(moved, v-row[i])
		}
	}
	h.miss = h.outputs(w, moved)
	if sum == nil {
		return h
	}
	for i, t := 0, s.n; t < s.n+tokens; i, t = i+1, t+step {
		for r := range m.rows {
			h.miss[i*m.rows+r] += full.sum[t*m.rows+r] - sum[t*m.rows+r]
		}
	}
	return h
}

// outputs is x·W', [tokens][rows].
func (h *held) outputs(w, x []float32) []float32 {
	tokens := len(x) / h.n
	wide := (h.rows + panel - 1) / panel * panel
	out := make([]float32, tokens*h.rows)
	h.pool.Run(wide/panel, func(_, task int) {
		r := task * panel
		k := min(panel, h.rows-r)
		b, c := make([]float32, h.n*panel), make([]float32, tokens*panel)
		h.Kernel.PackPanel(b, w[r*h.n:], h.n, k, h.n)
		h.Kernel.GemmPanels(c, panel, x, h.n, b, h.n*panel, tokens, panel, h.n, false)
		for t := range tokens {
			copy(out[t*h.rows+r:][:k], c[t*panel:])
		}
	})
	return out
}

// target is W moved by as much of the correction as serves the rows best.
func (h *held) target(w, move []float32) []float32 {
	if move == nil {
		return w
	}
	gain, size := 0.0, 0.0
	for i, v := range h.outputs(move, h.x) {
		gain += float64(v) * float64(h.miss[i])
		size += float64(v) * float64(v)
	}
	share := 1.0
	if size > 0 {
		share = min(1, max(0, gain/size))
	}
	for i, v := range w {
		move[i] = v + float32(share)*move[i]
	}
	return move
}

// better reports whether data miss the outputs by less than the encoder's.
func (h *held) better(data []byte) bool {
	return len(h.x) == 0 || h.missed(data) < h.missed(h.start)
}

// missed is the sum of squares of what the outputs of encoded rows miss.
func (h *held) missed(data []byte) (total float64) {
	v := make([]float32, len(h.w))
	_ = block.Decode(h.typ, v, data) // whole rows of the type
	for i, w := range h.w {
		v[i] -= w
	}
	for i, y := range h.outputs(v, h.x) {
		d := float64(h.miss[i]) - float64(y)
		total += d * d
	}
	return total
}

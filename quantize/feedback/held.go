package feedback

import (
	"iter"
	"slices"

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

// heldRows are the tokens of n that are looked at, of those behind the ones to fit on.
func heldRows(n, fit int) iter.Seq[int] {
	step := max(1, (n-fit)/checkTokens)
	return func(yield func(int) bool) {
		for t := fit; t < n && yield(t); t += step {
		}
	}
}

// hold makes what is checked of a matrix with weights w; with no rows held back, nothing is.
func (m *matrix) hold(w []float32, s *site, as *wanted) *held {
	h := &held{matrix: m, w: w, x: s.held}
	switch {
	case as.full == nil:
		h.miss = make([]float32, len(h.x)/m.n*m.rows)
	case as.bySum:
		h.miss = h.outputs(w, h.x)
		for i, v := range as.missed {
			h.miss[i] = v - h.miss[i]
		}
	default:
		moved := slices.Clone(as.full.held)
		for i, v := range h.x {
			moved[i] -= v
		}
		h.miss = h.outputs(w, moved)
	}
	return h
}

// outputs is x·W', [tokens][rows].
func (h *held) outputs(w, x []float32) []float32 {
	const panels, tokens = 4, 32 // stay in the second-level cache
	out := make([]float32, len(x)/h.n*h.rows)
	h.pool.Run((h.rows+panels*panel-1)/(panels*panel), func(_, task int) {
		r := task * panels * panel
		rows := min(panels*panel, h.rows-r)
		b, c := make([]float32, h.n*panels*panel), make([]float32, tokens*panels*panel)
		for i := 0; i < rows; i += panel {
			h.Kernel.PackPanel(b[i*h.n:], w[(r+i)*h.n:], h.n, min(panel, rows-i), h.n)
		}
		wide := (rows + panel - 1) / panel * panel
		for t := 0; t < len(x)/h.n; t += tokens {
			k := min(tokens, len(x)/h.n-t)
			h.Kernel.GemmPanels(c, wide, x[t*h.n:], h.n, b, h.n*panel, k, wide, h.n, false)
			for i := range k {
				copy(out[(t+i)*h.rows+r:][:rows], c[i*wide:])
			}
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
		move[i] = v + float32(float32(share)*move[i])
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
		total += float64(d * d)
	}
	return total
}

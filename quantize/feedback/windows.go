package feedback

import (
	"cmp"
	"math"

	"bitmill/eval/infer"
	"bitmill/formats"
	"bitmill/formats/checkpoint"
)

// Some windows are held back: they choose nothing but whether a choice counts. They are every HeldBack-th, but no more
// than make so many tokens.
const (
	HeldBack    = 6
	heldTokens  = 4096
	checkTokens = 1024 // of them, evenly spread, are looked at
)

// tokensPerColumn of the widest matrix are fitted on. Fewer cost quality, more bring little: on demo-s in Q3_K_S the
// divergence is 0.35, 0.31, 0.28 and 0.28 of the encoders' with 9, 19, 37 and 74.
const tokensPerColumn = 30

// hold lists the windows to fit on and behind them those to hold back.
func (u *run) hold(windows [][]int32) (seqs []infer.Sequence) {
	fit, held := Split(u.source, windows, u.Tokens)
	u.fit, u.tokens = 0, 0
	for _, w := range fit {
		u.fit += len(w)
	}
	for _, w := range append(fit, held...) {
		seqs = append(seqs, infer.Sequence{Tokens: w})
		u.tokens += len(w)
	}
	return seqs
}

// Split divides windows into those that Run fits on, with Options.Tokens, and those that it holds back, evenly spaced.
func Split(c *checkpoint.Checkpoint, windows [][]int32, tokens int) (fit, held [][]int32) {
	back := min(len(windows)/HeldBack, (heldTokens+len(windows[0])-1)/len(windows[0]))
	want := (cmp.Or(tokens, tokensPerColumn*widestInput(c)) + len(windows[0]) - 1) / len(windows[0])
	used := max(1, min(len(windows)-back, want)) + back
	for i := range used {
		w := windows[i*len(windows)/used]
		if (i+1)*back/used > i*back/used {
			held = append(held, w)
		} else {
			fit = append(fit, w)
		}
	}
	return fit, held
}

// widestInput is the columns of the widest matrix of the layers.
func widestInput(c *checkpoint.Checkpoint) (n int) {
	for i := range c.Tensors {
		if t := &c.Tensors[i]; len(t.Shape) > 1 && formats.LayerOf(t.Name) >= 0 {
			n = max(n, int(t.Cols()))
		}
	}
	return n
}

// damping is what is added to the moments of n columns, relative to their mean. With fewer than thirty tokens for each
// column, the moments are noise in part.
func (u *run) damping(n, tokens int) float64 {
	if u.Damping != 0 {
		return u.Damping
	}
	perColumn := float64(tokens) / float64(n)
	return min(0.3, max(0.01, 0.01*math.Pow(30/perColumn, 1.65)))
}

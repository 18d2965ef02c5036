package feedback

import (
	"slices"
	"sort"

	"bitmill/eval/infer"
	"bitmill/eval/kernel"
)

// group is some windows, which go through layers together.
type group struct {
	number   int
	seqs     []infer.Sequence
	start, n int // tokens
}

// split cuts windows into groups: the last one of up to last tokens, those before it of up to size, but of a window at
// least.
func split(seqs []infer.Sequence, size, last int) (list []group) {
	at, n := len(seqs)-1, len(seqs[len(seqs)-1].Tokens)
	for at > 0 && n+len(seqs[at-1].Tokens) <= last {
		at--
		n += len(seqs[at].Tokens)
	}
	start := 0
	add := func(seqs []infer.Sequence) {
		g := group{number: len(list), seqs: seqs, start: start}
		for _, s := range seqs {
			g.n += len(s.Tokens)
		}
		start += g.n
		list = append(list, g)
	}
	for first := range slices.Chunk(seqs[:at], max(1, size/len(seqs[0].Tokens))) {
		add(first)
	}
	add(seqs[at:])
	return list
}

// blocks gives out rows in whole blocks of kernel.ColumnTokens, so that groups do not show in the moments.
type blocks struct {
	rows int       // so far
	rest []float32 // of a block that is not full yet
}

// take adds rows of x and returns those that make whole blocks, or all of them if they are the last.
func (b *blocks) take(x []float32, cols int, last bool) []float32 {
	b.rows += len(x) / cols
	if len(b.rest) > 0 {
		x = append(b.rest, x...)
	}
	whole := len(x)
	if !last {
		whole -= whole % (kernel.ColumnTokens * cols)
	}
	b.rest = slices.Clone(x[whole:])
	return x[:whole]
}

// fitRows is how many of n rows of the current group are fitted on. They are the first ones.
func (u *run) fitRows(w *infer.Linear, n int) int {
	fit := min(max(0, u.fit-u.at.start), u.at.n)
	if w.Routed {
		tokens := u.current().RoutedTokens(w)
		return sort.Search(n, func(i int) bool { return int(tokens[i]) >= fit })
	}
	return fit
}

// ends reports whether the current group has the last of the tokens to fit on.
func (u *run) ends() bool { return u.at.start < u.fit && u.fit <= u.at.start+u.at.n }

// heldOf appends those rows of the current group that are held back and looked at.
func (u *run) heldOf(list, x []float32, cols int) []float32 {
	for t := range heldRows(u.tokens, u.fit) {
		if i := t - u.at.start; i >= 0 && i < u.at.n {
			list = append(list, x[i*cols:][:cols]...)
		}
	}
	return list
}

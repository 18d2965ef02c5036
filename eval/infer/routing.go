package infer

import "bitmill/eval/kernel"

// routed is the assignment of tokens to experts. Rows are tokens sorted by expert, and for each expert in the order of
// the batch, so that it multiplies all of its tokens at once.
type routed struct {
	scores  []float32 // [tokens][experts], from the router
	chosen  []int32   // [tokens][used]
	weights []float32 // [tokens][used]
	slots   []int32   // [tokens][used]: the row of a token at its expert
	tokens  []int32   // [rows]: the token of a row
	expert  []int32   // [rows]: the expert of a row
	starts  []int     // [experts+1]: the first row of each expert

	rows, gate, up, down []float32 // [rows][...]
	shared, gates        []float32 // [tokens][...]: the shared expert's output and gate
	latent               []float32 // [tokens][Latent]: what the experts read, then what they write

	forms [][formCount]kernel.Activations // of each expert
}

// sort gives every token a row at each of its experts.
func (r *routed) sort(n, count, used int) {
	starts := grow(&r.starts, count+1)
	clear(starts)
	for _, e := range r.chosen {
		starts[e+1]++
	}
	for e := range count {
		starts[e+1] += starts[e]
	}
	grow(&r.slots, n*used)
	grow(&r.tokens, n*used)
	grow(&r.expert, n*used)
	for i, e := range r.chosen {
		at := starts[e]
		starts[e]++
		r.slots[i], r.tokens[at], r.expert[at] = int32(at), int32(i/used), e
	}
	copy(starts[1:], starts[:count]) // each start has moved on to the next expert's
	starts[0] = 0
	r.batches(count)
}

// makeRow copies the input of the token of row t.
func (r *routed) makeRow(p *pass, row []float32, t int) {
	copy(row, p.prep.with[int(r.tokens[t])*len(row):])
}

// even gives each of count matrices n rows.
func (r *routed) even(count, n int) {
	starts, expert := grow(&r.starts, count+1), grow(&r.expert, count*n)
	for i := range starts {
		starts[i] = i * n
	}
	for i := range expert {
		expert[i] = int32(i / n)
	}
	r.batches(count)
}

// batches makes room for the inputs of so many matrices.
func (r *routed) batches(count int) {
	if len(r.forms) < count {
		r.forms = make([][formCount]kernel.Activations, count)
	}
}

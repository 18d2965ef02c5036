package infer

import (
	"slices"

	"bitmill/formats/checkpoint"
)

// experts is a feed-forward layer with experts: a router picks a few for each token, and their outputs are added,
// weighted.
type experts struct {
	checkpoint.Experts
	router     Linear
	correction []float32 // is added to the scores that experts are chosen by; nil: nothing
	list       []feedForward
	shared     feedForward // of every token; without rows: none
	sharedGate Linear      // its output is multiplied by the sigmoid of this; no rows: by 1
}

// experts binds the router, the experts, and the shared expert with its gate.
func (l *loader) experts(blk func(string) string) *experts {
	c, e := &l.c.Config, l.c.Config.Experts
	x := &experts{
		Experts:    *e,
		router:     l.linear(blk("ffn_gate_inp.weight"), c.Width, e.Count),
		correction: l.optional(blk("exp_probs_b.bias"), e.Count),
		list:       make([]feedForward, e.Count),
	}
	for i := range x.list {
		x.list[i] = feedForward{
			gate: l.expert(blk("ffn_gate_exps.weight"), c.Width, e.FFN, i),
			up:   l.expert(blk("ffn_up_exps.weight"), c.Width, e.FFN, i),
			down: l.expert(blk("ffn_down_exps.weight"), e.FFN, c.Width, i),
			act:  c.Activation,
		}
	}
	if e.Shared > 0 {
		x.shared = l.feedForward(blk, "_shexp", e.Shared)
		if l.has(blk("ffn_gate_inp_shexp.weight")) {
			x.sharedGate = l.linear(blk("ffn_gate_inp_shexp.weight"), c.Width, 1)
		}
	}
	return x
}

func (e *experts) matrices() []*Linear {
	list := []*Linear{&e.router, &e.shared.gate, &e.shared.up, &e.sharedGate, &e.shared.down}
	for i := range e.list {
		list = append(list, e.list[i].matrices()...)
	}
	return list
}

func (e *experts) mix(p *pass) {
	in := p.input(&e.router, &e.shared.gate, &e.shared.up, &e.sharedGate)
	r, n, width := &p.routed, p.rows, e.router.Cols
	p.multiply(in, n, product{dst: grow(&r.scores, n*e.Count), w: &e.router},
		product{dst: grow(&r.gates, n*e.sharedGate.Rows), w: &e.sharedGate})
	grow(&r.chosen, n*e.Used)
	grow(&r.weights, n*e.Used)
	p.run((n+tokensPerTask-1)/tokensPerTask, (*routeStep)(e))
	r.sort(n, e.Count, e.Used)

	rows := len(r.tokens)
	hidden := grow(&r.rows, rows*width)
	gate, up, down := grow(&r.gate, rows*e.FFN), grow(&r.up, rows*e.FFN), grow(&r.down, rows*width)
	one := &e.list[0]
	p.prepare(preparation{by: (*pickedRows)(r), rows: hidden, n: rows, with: in, grouped: true}, &one.gate, &one.up)
	for i := range e.list {
		p.queueGroup(&e.list[i].gate, hidden, gate)
		p.queueGroup(&e.list[i].up, hidden, up)
	}
	e.shared.queueInputs(p, in) // beside the others: the input is still there, as theirs are in batches of their own
	p.multiplyAll(n)
	p.prepare(preparation{by: (*gatedRows)(e), rows: gate, n: rows, with: up, grouped: true}, &one.down)
	for i := range e.list {
		p.queueGroup(&e.list[i].down, gate, down)
	}
	if e.Shared > 0 {
		p.queue(e.shared.prepareDown(p), n, product{dst: grow(&r.shared, n*width), w: &e.shared.down})
	}
	p.multiplyAll(n)

	p.residual = residual{rows: grow(&p.buf.branch, n*width)}
	p.prepare(preparation{by: (*mixedRows)(e), rows: p.residual.rows, n: n, width: width})
}

// queueGroup queues the product of one of a stack of matrices with its rows of in, when it has any, without bias.
func (p *pass) queueGroup(w *Linear, in, out []float32) {
	r := &p.routed
	from, to := r.starts[w.Expert], r.starts[w.Expert+1]
	if from == to {
		return
	}
	p.observe(w, in[from*w.Cols:to*w.Cols], to-from)
	p.products = append(p.products, product{dst: out[from*w.Rows : to*w.Rows], w: w, x: &r.forms[w.Expert][w.form]})
}

type routeStep experts

// task picks the experts of some tokens and their weights.
func (step *routeStep) task(p *pass, worker, task int) {
	r, e := &p.routed, (*experts)(step)
	for t := task * tokensPerTask; t < min((task+1)*tokensPerTask, p.rows); t++ {
		scores := r.scores[t*e.Count : (t+1)*e.Count]
		chosen, weights := r.chosen[t*e.Used:(t+1)*e.Used], r.weights[t*e.Used:(t+1)*e.Used]
		switch e.Gating {
		case checkpoint.SoftmaxAll:
			p.set.Softmax(scores, 1)
		case checkpoint.Sigmoid:
			p.set.Sigmoid(scores)
		}
		e.choose(p, chosen, scores, worker)
		for i, x := range chosen {
			weights[i] = scores[x]
		}
		if e.Gating == checkpoint.SoftmaxChosen {
			p.set.Softmax(weights, 1)
		}
		if e.Normalize {
			sum := float32(0)
			for _, w := range weights {
				sum += w
			}
			p.set.Scale(weights, 1/sum)
		}
		if e.Scale != 0 {
			p.set.Scale(weights, float32(e.Scale))
		}
	}
}

// choose picks the best experts, of the best groups when there are groups. A group is as good as its best expert, or
// where scores are sigmoids as its best two together.
func (e *experts) choose(p *pass, chosen []int32, scores []float32, worker int) {
	if e.correction == nil && e.Groups <= 1 {
		best(chosen, scores)
		return
	}
	s := &p.workers[worker]
	by := grow(&s.row, len(scores)+e.Groups)
	copy(by, scores)
	if e.correction != nil {
		p.set.Add(by[:len(scores)], e.correction)
	}
	by, groups := by[:len(scores)], by[len(scores):]
	if e.Groups > 1 {
		size := e.Count / e.Groups
		for g := range groups {
			top := grow(&s.top, min(2, size))
			best(top, by[g*size:(g+1)*size])
			groups[g] = by[g*size+int(top[0])]
			if e.Gating == checkpoint.Sigmoid && size > 1 {
				groups[g] += by[g*size+int(top[1])]
			}
		}
		kept := grow(&s.top, e.GroupsUsed)
		best(kept, groups)
		for g := range groups {
			if !slices.Contains(kept, int32(g)) {
				hide(by[g*size : (g+1)*size])
			}
		}
	}
	best(chosen, by)
}

// best finds the largest scores, the largest first and of equals the first.
func best(chosen []int32, scores []float32) {
	n := 0
	for i, v := range scores {
		at := n
		for at > 0 && !(v <= scores[chosen[at-1]]) {
			at--
		}
		if at == len(chosen) {
			continue
		}
		n = min(n+1, len(chosen))
		copy(chosen[at+1:n], chosen[at:n-1])
		chosen[at] = int32(i)
	}
}

type pickedRows routed

// makeRow copies the row of the token that row t of the experts is.
func (r *pickedRows) makeRow(p *pass, row []float32, t int) {
	copy(row, p.prep.with[int(r.tokens[t])*len(row):])
}

type gatedRows experts

// makeRow activates row t, which is sorted by expert.
func (e *gatedRows) makeRow(p *pass, row []float32, t int) {
	e.list[p.routed.expert[t]].makeRow(p, row, t)
}

type mixedRows experts

// makeRow adds up what the experts make of token t.
func (e *mixedRows) makeRow(p *pass, row []float32, t int) {
	r, used, width := &p.routed, e.Used, len(row)
	clear(row)
	for i := t * used; i < (t+1)*used; i++ {
		p.addWeighted(row, r.down[int(r.slots[i])*width:][:width], &e.list[r.chosen[i]].down, r.weights[i])
	}
	if e.Shared == 0 {
		return
	}
	weight := float32(1)
	if e.sharedGate.Rows > 0 {
		p.set.Sigmoid(r.gates[t : t+1])
		weight = r.gates[t]
	}
	p.addWeighted(row, r.shared[t*width:][:width], &e.shared.down, weight)
}

// addWeighted adds what w makes of a token to row, bias included.
func (p *pass) addWeighted(row, made []float32, w *Linear, weight float32) {
	p.set.AddScaled(row, made, weight)
	if w.bias != nil {
		p.set.AddScaled(row, w.bias, weight)
	}
}

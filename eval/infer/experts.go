package infer

import (
	"slices"

	"bitmill/formats/checkpoint"
)

// experts is a feed-forward layer with experts: a router picks a few for each token, and their outputs are added,
// weighted. A shared expert sees every token.
type experts struct {
	router     Linear
	correction []float32 // is added to the scores that experts are chosen by; nil: nothing
	list       []feedForward
	shared     *feedForward // nil: none
	sharedGate *Linear      // its output is multiplied by the sigmoid of this; nil: by 1
}

func (e *experts) readers() []*Linear {
	list := []*Linear{&e.router}
	if e.shared != nil {
		list = e.shared.readers(list)
	}
	if e.sharedGate != nil {
		list = append(list, e.sharedGate)
	}
	return list
}

// mixture runs the experts of a layer on n rows that have been made for its readers, and leaves their weighted sum in
// p.branch.
func (p *pass) mixture(e *experts, in []float32, n int) {
	r, c := &p.routed, &p.m.Config
	count, used := c.Experts.Count, c.Experts.Used
	router := product{dst: grow(&r.scores, n*count), w: &e.router}
	if e.sharedGate != nil {
		p.linear(in, n, router, product{dst: grow(&r.gates, n), w: e.sharedGate})
	} else {
		p.linear(in, n, router)
	}
	grow(&r.chosen, n*used)
	grow(&r.weights, n*used)
	p.in = input{n: n}
	p.pool.Run((n+tokensPerTask-1)/tokensPerTask, p.tasks.route)
	r.sort(n, count, used)

	rows := len(r.tokens)
	hidden := grow(&r.rows, rows*c.Width)
	gate, up, down := grow(&r.gate, rows*c.Experts.FFN), grow(&r.up, rows*c.Experts.FFN), grow(&r.down, rows*c.Width)
	first := &e.list[0]
	p.make(input{kind: picked, rows: hidden, n: rows, with: in, grouped: true}, &first.gate, &first.up)
	p.products = p.products[:0]
	for i := range e.list {
		p.groupProduct(&e.list[i].gate, hidden, gate)
		p.groupProduct(&e.list[i].up, hidden, up)
	}
	if e.shared != nil { // beside the others: its input is still there, as theirs are in batches of their own
		p.enter(e.shared, in, n)
	}
	p.multiplyAll(n)
	p.make(input{kind: gated, rows: gate, n: rows, with: up, grouped: true, experts: e}, &first.down)
	var shared []float32
	if e.shared != nil {
		shared = p.activated(e.shared, n)
	}
	p.products = p.products[:0]
	for i := range e.list {
		p.groupProduct(&e.list[i].down, gate, down)
	}
	if e.shared != nil {
		p.add(shared, n, product{dst: grow(&r.shared, n*c.Width), w: &e.shared.down})
	}
	p.multiplyAll(n)

	p.branch = branch{rows: grow(&p.buf.branch, n*c.Width)}
	p.make(input{kind: mixed, rows: p.branch.rows, n: n, width: c.Width, experts: e})
}

// groupProduct adds the product of one of a stack of matrices with its rows of in, when it has any, without bias.
func (p *pass) groupProduct(w *Linear, in, out []float32) {
	r := &p.routed
	from, to := r.starts[w.Expert], r.starts[w.Expert+1]
	if from == to {
		return
	}
	p.observe(w, in[from*w.Cols:to*w.Cols], to-from)
	p.products = append(p.products, product{dst: out[from*w.Rows : to*w.Rows], w: w, x: &r.forms[w.Expert][w.form]})
}

// route picks the experts of some tokens and their weights.
func (p *pass) route(worker, task int) {
	r, e := &p.routed, p.m.Config.Experts
	for t := task * tokensPerTask; t < min((task+1)*tokensPerTask, p.in.n); t++ {
		scores := r.scores[t*e.Count : (t+1)*e.Count]
		chosen, weights := r.chosen[t*e.Used:(t+1)*e.Used], r.weights[t*e.Used:(t+1)*e.Used]
		switch e.Gating {
		case checkpoint.SoftmaxAll:
			p.set.Softmax(scores, 1)
		case checkpoint.Sigmoid:
			p.set.Sigmoid(scores)
		}
		p.choose(chosen, scores, worker)
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
func (p *pass) choose(chosen []int32, scores []float32, worker int) {
	e, correction := p.m.Config.Experts, p.m.layers[p.at.layer].experts.correction
	if correction == nil && e.Groups <= 1 {
		best(chosen, scores)
		return
	}
	s := &p.workers[worker]
	by := grow(&s.row, len(scores)+e.Groups)
	copy(by, scores)
	if correction != nil {
		p.set.Add(by[:len(scores)], correction)
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

// mix adds up what the experts say of token t.
func (p *pass) mix(row []float32, e *experts, t int) {
	r, used, width := &p.routed, p.m.Config.Experts.Used, len(row)
	clear(row)
	for i := t * used; i < (t+1)*used; i++ {
		p.addWeighted(row, r.down[int(r.slots[i])*width:][:width], &e.list[r.chosen[i]].down, r.weights[i])
	}
	if e.shared == nil {
		return
	}
	weight := float32(1)
	if e.sharedGate != nil {
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

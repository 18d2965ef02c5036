package infer

import (
	"math"
	"slices"

	"bitmill/formats/checkpoint/arch"
)

// experts is a mixture of experts: a router picks a few feed-forward layers for each token, and their weighted outputs
// are added.
type experts struct {
	arch.Experts
	router     Linear
	routerNorm norm      // of the residual stream, for the router; without a gain it reads what the experts read
	correction []float32 // added to the scores for the choice only; nil: nothing
	list       []feedForward
	down, up   Linear      // to what the experts read, and from what they write; without weights: those of the layer
	shared     feedForward // runs for every token; without weights: none
	sharedGate Linear      // the sigmoid of its output weighs the shared expert; without weights: 1
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
	width, gated := e.Width(c), l.has(blk("ffn_gate_exps.weight"))
	for i := range x.list {
		x.list[i] = feedForward{down: l.expert(blk("ffn_down_exps.weight"), e.FFN, width, i), act: c.Activation}
		one := &x.list[i]
		if l.has(blk("ffn_gate_up_exps.weight")) {
			parts := l.split(l.expert(blk("ffn_gate_up_exps.weight"), width, 2*e.FFN, i), e.FFN, e.FFN)
			one.gate, one.up = parts[0], parts[1]
			continue
		}
		if gated {
			one.gate = l.expert(blk("ffn_gate_exps.weight"), width, e.FFN, i)
		}
		one.up = l.expert(blk("ffn_up_exps.weight"), width, e.FFN, i)
	}
	if name := blk("ffn_gate_inp.scale"); l.elements(name) == c.Width && c.BesideDense {
		x.routerNorm.gain = l.vector(name, c.Width)
		for i := range x.routerNorm.gain {
			x.routerNorm.gain[i] /= float32(math.Sqrt(float64(c.Width)))
		}
	}
	if e.Latent > 0 {
		x.down = l.linear(blk("ffn_latent_down.weight"), c.Width, width)
		x.up = l.linear(blk("ffn_latent_up.weight"), width, c.Width)
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
	list := []*Linear{&e.router, &e.shared.gate, &e.shared.up, &e.sharedGate, &e.shared.down, &e.down, &e.up}
	for i := range e.list {
		list = append(list, e.list[i].matrices()...)
	}
	return list
}

// noWeights stands for a matrix that there is nothing to multiply by.
var noWeights Linear

func (e *experts) mix(p *pass) {
	one := &e.list[0]
	r, n, width, own := &p.routed, p.rows, e.router.Cols, one.up.Cols
	scores := product{dst: grow(&r.scores, n*e.Count), w: &e.router}
	if e.routerNorm.gain != nil {
		p.addResidual()
		rows := grow(&r.rows, n*width)
		p.prepare(preparation{rows: rows, n: n, with: p.buf.x, norm: e.routerNorm}, &e.router)
		p.multiply(rows, n, scores)
		scores.w = &noWeights
	}
	in := p.input(scores.w, &e.shared.gate, &e.shared.up, &e.sharedGate, &e.down)
	p.multiply(in, n, scores, product{dst: grow(&r.gates, n*e.sharedGate.Rows), w: &e.sharedGate},
		product{dst: grow(&r.latent, n*e.down.Rows), w: &e.down})
	grow(&r.chosen, n*e.Used)
	grow(&r.weights, n*e.Used)
	p.run((n+tokensPerTask-1)/tokensPerTask, e)
	r.sort(n, e.Count, e.Used)

	rows, read := len(r.tokens), in
	if e.Latent > 0 {
		read = r.latent
	}
	hidden := grow(&r.rows, rows*own)
	gate, up, down := grow(&r.gate, rows*one.gate.Rows), grow(&r.up, rows*e.FFN), grow(&r.down, rows*own)
	p.prepare(preparation{by: r, rows: hidden, n: rows, with: read, grouped: true}, &one.gate, &one.up)
	for i := range e.list {
		p.queueGroup(&e.list[i].gate, hidden, gate)
		p.queueGroup(&e.list[i].up, hidden, up)
	}
	e.shared.queueInputs(p, in) // with the others: they have inputs of their own, so that this one is still there
	p.multiplyAll(n)
	active := preparation{by: (*gatedRows)(e), rows: up, n: rows, grouped: true}
	if one.gate.Rows > 0 {
		active.rows, active.with = gate, up
	}
	p.prepare(active, &one.down)
	for i := range e.list {
		p.queueGroup(&e.list[i].down, active.rows, down)
	}
	if e.Shared > 0 {
		p.queue(e.shared.prepareDown(p), n, product{dst: grow(&r.shared, n*width), w: &e.shared.down})
	}
	p.multiplyAll(n)

	p.residual = residual{rows: grow(&p.buf.branch, n*width)}
	if e.Latent > 0 {
		p.prepare(preparation{by: (*expertSums)(e), rows: r.latent, n: n}, &e.up)
		p.multiply(r.latent, n, product{dst: p.residual.rows, w: &e.up})
	}
	p.prepare(preparation{by: e, rows: p.residual.rows, n: n, width: width})
}

// queueGroup queues the product of one matrix of a stack with its rows of in, if it has any, without the bias.
func (p *pass) queueGroup(w *Linear, in, out []float32) {
	r := &p.routed
	from, to := r.starts[w.Expert], r.starts[w.Expert+1]
	if from == to {
		return
	}
	p.observe(w, in[from*w.Cols:to*w.Cols], to-from)
	p.products = append(p.products, product{dst: out[from*w.Rows : to*w.Rows], w: w, x: &r.forms[w.Expert][p.m.formOf(w)]})
}

// task picks the experts of some tokens and their weights.
func (e *experts) task(p *pass, worker, task int) {
	r := &p.routed
	for t := task * tokensPerTask; t < min((task+1)*tokensPerTask, p.rows); t++ {
		scores := r.scores[t*e.Count : (t+1)*e.Count]
		chosen, weights := r.chosen[t*e.Used:(t+1)*e.Used], r.weights[t*e.Used:(t+1)*e.Used]
		switch e.Gating {
		case arch.SoftmaxAll:
			p.set.Softmax(scores, 1)
		case arch.Sigmoid:
			p.set.Sigmoid(scores)
		case arch.SqrtSoftplus:
			for i, x := range scores {
				scores[i] = float32(math.Sqrt(max(float64(x), 0) + math.Log1p(math.Exp(-math.Abs(float64(x))))))
			}
		}
		e.choose(p, chosen, scores, worker)
		for i, x := range chosen {
			weights[i] = scores[x]
		}
		if e.Gating == arch.SoftmaxChosen {
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

// choose picks the best experts, only from the best groups if there are groups. The score of a group is that of its
// best expert, or the sum of its best two where scores are not parts of one softmax.
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
			if e.Gating != arch.SoftmaxAll && size > 1 {
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

// best finds the largest scores, in descending order; of equal ones the first comes first.
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

type gatedRows experts

// makeRow is the activation of row t; rows are sorted by expert.
func (e *gatedRows) makeRow(p *pass, row []float32, t int) {
	e.list[p.routed.expert[t]].makeRow(p, row, t)
}

// makeRow adds up the outputs for token t: of its experts, unless that is done, and of the shared one.
func (e *experts) makeRow(p *pass, row []float32, t int) {
	r, width := &p.routed, len(row)
	if e.Latent == 0 {
		(*expertSums)(e).makeRow(p, row, t)
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

type expertSums experts

// makeRow adds up the outputs of token t's experts.
func (e *expertSums) makeRow(p *pass, row []float32, t int) {
	r, used, width := &p.routed, e.Used, len(row)
	clear(row)
	for i := t * used; i < (t+1)*used; i++ {
		p.addWeighted(row, r.down[int(r.slots[i])*width:][:width], &e.list[r.chosen[i]].down, r.weights[i])
	}
}

// addWeighted adds the output of w, to which its bias is still to be added, to row.
func (p *pass) addWeighted(row, output []float32, w *Linear, weight float32) {
	p.set.AddScaled(row, output, weight)
	if w.bias != nil {
		p.set.AddScaled(row, w.bias, weight)
	}
}

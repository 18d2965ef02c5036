package infer

import "bitmill/eval/kernel"

// input is the making of the rows that the next products take: all of it is done a few tokens at a time, so that rows
// are computed and quantized while they lie in the cache.
type input struct {
	kind  inputKind
	n     int
	width int
	rows  []float32 // [n][width]
	with  []float32 // [n][width]: the residual stream of a norm, the up projection of a gate; or see inputKind
	add   branch    // added to the residual stream first
	norm  norm
	bias  []float32
	parts rowNorm
	forms [formCount]bool // how the products want it

	ffn     *feedForward // of gated rows, unless they are the experts'
	experts *experts
	grouped bool // rows are sorted by matrix of a stack (routed), and each has its own batch
	latent  latentInput
}

// branch is what a part of a layer adds to the residual stream.
type branch struct {
	rows  []float32 // [n][width]; nil: nothing
	bias  []float32 // is added to each row
	after norm      // of the sum
}

type inputKind uint8

const (
	asIs     inputKind = iota // rows are there
	added                     // with += add
	normed                    // rows = norm(with += add)
	parted                    // rows = norm of each part of rows
	biased                    // rows += bias
	gated                     // rows = act(rows) * with
	scaled                    // rows = soft cap of rows * scale: logits
	picked                    // rows = with of the token
	mixed                     // rows = weighted sum of the experts' outputs
	split                     // rows = parts of with, [tokens][heads][...], head by head
	latentQK                  // rows = queries of latent attention, which has keys and values made too
)

// tokensPerTask is how many rows one task makes, a multiple of kernel.BlockTokens.
const tokensPerTask = 16

// load takes n rows as they are.
func (p *pass) load(rows []float32, n int, to ...*Linear) { p.make(input{rows: rows, n: n}, to...) }

// norm adds the branch under way to the first n rows of buf.x and returns their norm.
func (p *pass) norm(by norm, n int, to ...*Linear) []float32 {
	rows := grow(&p.buf.norm, n*p.m.Config.Width)
	p.make(input{kind: normed, rows: rows, n: n, with: p.buf.x, add: p.branch, norm: by}, to...)
	p.branch = branch{}
	return rows
}

// settle adds the branch under way to the first n rows of buf.x.
func (p *pass) settle(n int) {
	p.make(input{kind: added, n: n, width: p.m.Config.Width, with: p.buf.x, add: p.branch})
	p.branch = branch{}
}

// normRows normalizes queries or keys in parts.
func (p *pass) normRows(rows []float32, n int, by rowNorm) {
	if by.gain != nil {
		p.make(input{kind: parted, rows: rows, n: n, width: len(by.gain), parts: by})
	}
}

func (p *pass) make(in input, to ...*Linear) {
	if len(to) > 0 {
		in.width = to[0].Cols
	}
	for _, w := range to {
		if in.forms[w.form] {
			continue
		}
		in.forms[w.form] = true
		if !in.grouped {
			p.fail(0, p.forms[w.form].Reset(w.form, in.n, in.width))
			continue
		}
		for e := range len(p.routed.starts) - 1 {
			if n := p.routed.starts[e+1] - p.routed.starts[e]; n > 0 {
				p.fail(0, p.routed.forms[e][w.form].Reset(w.form, n, in.width))
			}
		}
	}
	p.in = in
	p.pool.Run((in.n+tokensPerTask-1)/tokensPerTask, p.tasks.input)
}

func (p *pass) makeRows(worker, task int) {
	end := min((task+1)*tokensPerTask, p.in.n)
	for t, next := task*tokensPerTask, 0; t < end; t = next {
		next = min(t+kernel.BlockTokens, end)
		for i := t; i < next; i++ {
			p.makeRow(i)
		}
		for form := range p.in.forms {
			if p.in.forms[form] {
				p.loadRows(worker, form, t, next)
			}
		}
	}
}

func (p *pass) makeRow(t int) {
	in, w, c := &p.in, p.in.width, &p.m.Config
	var row, with []float32
	if in.rows != nil {
		row = in.rows[t*w : (t+1)*w]
	}
	if in.with != nil && in.kind < picked {
		with = in.with[t*w : (t+1)*w]
	}
	if in.add.rows != nil {
		p.addBranch(with, in.add.rows[t*w:(t+1)*w])
	}
	switch in.kind {
	case normed:
		p.normalize(row, with, in.norm)
	case biased:
		p.set.Add(row, in.bias)
	case parted:
		for at := 0; at < w; at += in.parts.part {
			part := row[at : at+in.parts.part]
			p.normalize(part, part, norm{gain: in.parts.gain[at : at+in.parts.part]})
		}
	case gated:
		p.activate(p.layerOf(t), row, with)
	case scaled:
		if c.Scale.Logit != 0 {
			p.set.Scale(row, float32(c.Scale.Logit))
		}
		if c.Cap.Logit != 0 {
			p.set.SoftCap(row, float32(c.Cap.Logit))
		}
	case picked:
		copy(row, in.with[int(p.routed.tokens[t])*w:][:w])
	case mixed:
		p.mix(row, in.experts, t)
	case split:
		p.splitRow(row, t)
	case latentQK:
		p.latentRow(row, t)
	}
	if p.m.bf16Inputs && in.forms != [formCount]bool{} {
		p.set.RoundBF16(row)
	}
}

// loadRows puts rows [t0, t1) into their batches.
func (p *pass) loadRows(worker, form, t0, t1 int) {
	if !p.in.grouped {
		p.fail(worker, p.set.LoadRows(&p.forms[form], p.in.rows, t0, t1))
		return
	}
	for t := t0; t < t1; {
		e := p.routed.expert[t]
		first, next := p.routed.starts[e], min(t1, p.routed.starts[e+1])
		p.fail(worker, p.set.LoadRows(&p.routed.forms[e][form], p.in.rows[first*p.in.width:], t-first, next-first))
		t = next
	}
}

// layerOf is the feed-forward layer that row t is in.
func (p *pass) layerOf(t int) *feedForward {
	if p.in.grouped {
		return &p.in.experts.list[p.routed.expert[t]]
	}
	return p.in.ffn
}

// addBranch adds a branch's row to the residual stream's.
func (p *pass) addBranch(x, row []float32) {
	p.addBias(row, p.in.add.bias)
	if after := p.in.add.after; after.gain != nil {
		p.normalize(row, row, after)
	}
	if s := p.m.Config.Scale.Residual; s != 0 {
		p.set.AddScaled(x, row, float32(s))
	} else {
		p.set.Add(x, row)
	}
}

func (p *pass) addBias(row, bias []float32) {
	if bias != nil {
		p.set.Add(row, bias)
	}
}

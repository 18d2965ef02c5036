package infer

import "math"

const (
	// attnRows rows (queries times the heads that share keys) are attended for at once.
	attnRows = 48
	// attnKeys keys are multiplied at once, so that their scores stay in the first-level cache. Blocks of keys begin
	// at multiples of it: a query's sums do not depend on the other queries.
	attnKeys = 128
)

// piece is n tokens at positions pos, pos+1, … of a span; row is the first's row in the activations. For attention,
// with heads query heads from head on, which share one head of keys and values.
type piece struct{ span, head, heads, row, pos, n int }

// attnArgs is what the attention of one layer works on.
type attnArgs struct {
	layer        int
	q, k, v, out []float32
}

// attnScratch is a worker's memory, with one row for every query and head.
type attnScratch struct {
	q      []float32 // [rows][HeadDim], rotated and scaled
	scores []float32 // [rows][attnKeys]
	out    []float32 // [rows][HeadDim up to whole panels]
	top    []float32 // the largest score so far
	sum    []float64 // of exp(score-top)
}

// attention computes out = softmax(Q·K^T / sqrt(HeadDim) + mask)·V for every query and head. Queries may be packed to
// the wanted rows.
func (p *pass) attention(out, q []float32, layer int, packed bool) {
	c := &p.m.Config
	group := c.Heads / c.KVHeads
	p.pieces = p.pieces[:0]
	row := 0
	for i, s := range p.spans {
		n, pos := s.n, s.past
		if packed {
			n, pos = s.wanted, s.past+s.n-s.wanted
		}
		heads := group
		for n == 1 && heads > 1 && len(p.spans)*c.Heads/heads < p.pool.Workers() {
			heads = (heads + 1) / 2
		}
		queries := max(1, attnRows/heads)
		for at := (n - 1) / queries * queries; at >= 0 && n > 0; at -= queries { // the longest first
			for h, some := 0, 0; h < c.Heads; h += some {
				some = min(heads, group-h%group)
				p.pieces = append(p.pieces, piece{i, h, some, row + at, pos + at, min(queries, n-at)})
			}
		}
		row += n
	}
	p.at = attnArgs{layer: layer, q: q, out: out}
	p.pool.Run(len(p.pieces), p.tasks.attend)
}

// attend keeps a running softmax (arXiv 2205.14135) for every query and head of the block: over blocks of keys,
//
//	top' = max(top, scores)   sum' = f*sum + sum(exp(scores-top'))   out' = f*out + exp(scores-top')·V   f = exp(top-top')
func (p *pass) attend(worker, task int) {
	c, b, s := &p.m.Config, p.pieces[task], &p.workers[worker].attn
	rows, dims, wide := b.n*b.heads, c.HeadDim, wholePanels(c.HeadDim)
	kv := p.cached(b.span, p.at.layer)
	keys, values := kv.head(p.m, b.head*c.KVHeads/c.Heads)
	p.gather(s, b)
	scores, out := grow(&s.scores, rows*attnKeys), grow(&s.out, rows*wide)
	first, end := 0, b.pos+b.n // keys any query of the block sees: [first, end)
	if w := p.m.layers[p.at.layer].window; w > 0 {
		first = max(0, b.pos-w+1) / attnKeys * attnKeys
	}
	for k := first; k < end; k += attnKeys {
		n := min(attnKeys, end-k)
		p.score(scores, s.q, keys[k*dims:], b, wholePanels(n), k)
		for i := range b.n {
			for r := i * b.heads; r < (i+1)*b.heads; r++ {
				p.weigh(worker, r, scores[r*attnKeys:][:wholePanels(n)], out[r*wide:][:wide], k, b.pos+i)
			}
		}
		p.set.GemmPanels(out, wide, scores, attnKeys, values[k*panel:], panel*kv.capacity, rows, wide, n, k > first)
	}
	for i := range b.n {
		for h := range b.heads {
			r := i*b.heads + h
			to := p.at.out[((b.row+i)*c.Heads+b.head+h)*dims:][:dims]
			copy(to, out[r*wide:])
			p.set.Scale(to, float32(1/s.sum[r]))
		}
	}
}

// score multiplies the block's queries with n keys from position k on. Of the panels on the diagonal it leaves out the
// queries that see none of their keys.
func (p *pass) score(scores, q, keys []float32, b piece, n, k int) {
	rows, dims := b.n*b.heads, p.m.Config.HeadDim
	all := min(n, wholePanels(max(0, b.pos+1-k))) // columns of panels that every query sees
	p.set.GemmPanels(scores, attnKeys, q, dims, keys, panel*dims, rows, all, dims, false)
	for at := all; at < n; at += panel {
		first := (k + at - b.pos) * b.heads
		p.set.GemmPanels(scores[first*attnKeys+at:], attnKeys, q[first*dims:], dims, keys[at*dims:], panel*dims, rows-first, panel, dims, false)
	}
}

// gather collects the block's queries, normalised, rotated and scaled, and clears what is kept per row.
func (p *pass) gather(s *attnScratch, b piece) {
	c := &p.m.Config
	scale, l := p.m.scoreScale(), &p.m.layers[p.at.layer]
	rows := b.n * b.heads
	q, top, sum := grow(&s.q, rows*c.HeadDim), grow(&s.top, rows), grow(&s.sum, rows)
	for r := range rows {
		head := q[r*c.HeadDim:][:c.HeadDim]
		copy(head, p.at.q[((b.row+r/b.heads)*c.Heads+b.head+r%b.heads)*c.HeadDim:])
		p.rotate(head, l.qNorm, b.span, b.pos+r/b.heads)
		p.set.Scale(head, scale)
		top[r], sum[r] = float32(math.Inf(-1)), 0
		if l.sinks != nil { // as if there were a key with this score and no value
			top[r], sum[r] = l.sinks[b.head+r%b.heads], 1
		}
	}
}

// scoreScale is what scores are multiplied by.
func (m *Model) scoreScale() float32 {
	if s := m.Config.Scale.Attention; s != 0 {
		return float32(s)
	}
	return float32(1 / math.Sqrt(float64(m.Config.HeadDim)))
}

// weigh turns row r's scores of the keys from position k on into exp(score-top), 0 for those that the query at pos
// does not see, and scales what the row has added up when top rises.
func (p *pass) weigh(worker, r int, scores, out []float32, k, pos int) {
	s := &p.workers[worker].attn
	from, to := 0, min(pos+1-k, len(scores))
	if w := p.m.layers[p.at.layer].window; w > 0 {
		from = max(0, pos-w+1-k)
	}
	if from >= to {
		clear(scores)
		return
	}
	if limit := p.m.Config.Cap.Attention; limit != 0 {
		p.softCap(worker, scores[from:to], float32(limit))
	}
	start, stop := from/panel*panel, wholePanels(to) // whole vectors
	clear(scores[:start])
	hide(scores[start:from])
	hide(scores[to:stop])
	clear(scores[stop:])
	seen := scores[start:stop]
	if top := p.set.Max(seen); top > s.top[r] {
		if s.sum[r] > 0 {
			f := math.Exp(float64(s.top[r] - top))
			s.sum[r] *= f
			p.set.Scale(out, float32(f))
		}
		s.top[r] = top
	}
	s.sum[r] += p.set.ExpSum(seen, s.top[r])
}

func hide(scores []float32) {
	for i := range scores {
		scores[i] = float32(math.Inf(-1))
	}
}

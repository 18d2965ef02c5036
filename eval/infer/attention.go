package infer

import (
	"math"

	"bitmill/eval/kernel"
)

const (
	// attnRows rows (queries times the heads that share keys) are attended for at once.
	attnRows = 48
	// attnTile rows are multiplied at once where the keys that queries see end: none beyond the last one's.
	attnTile = 12
	// attnKeys keys are multiplied at once: many, as each block of them costs a row some work of its own, but so that
	// their scores stay in the second-level cache. Blocks of keys begin at multiples of it: a query's sums do not depend
	// on the other queries.
	attnKeys = 512
	// attnStride is what rows of scores lie apart, so that they do not compete for the same places in the cache.
	attnStride = attnKeys + panel
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
	q       []float32 // [rows][HeadDim], rotated
	scores  []float32 // [rows][attnStride]
	out     []float32 // [rows][HeadDim up to whole panels]
	seen    []int32   // keys of the block under way
	running kernel.RunningSoftmax
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
		for h, some := 0, 0; h < c.Heads; h += some { // those that share keys and values one after the other
			some = min(heads, group-h%group)
			for at := (n - 1) / queries * queries; at >= 0 && n > 0; at -= queries { // the longest first
				p.pieces = append(p.pieces, piece{i, h, some, row + at, pos + at, min(queries, n-at)})
			}
		}
		row += n
	}
	p.at = attnArgs{layer: layer, q: q, out: out}
	p.pool.Run(len(p.pieces), p.tasks.attend)
}

// attend keeps a running softmax (arXiv 2205.14135) for every query and head of the block: over blocks of keys, with
// weights w of the scores and the factor that the softmax asks for,
//
//	out' = factor*out + w·V
func (p *pass) attend(worker, task int) {
	c, b, s := &p.m.Config, p.pieces[task], &p.workers[worker].attn
	rows, dims, wide := b.n*b.heads, c.HeadDim, wholePanels(c.HeadDim)
	kv := p.cached(b.span, p.at.layer)
	keys, values := kv.head(p.m, b.head*c.KVHeads/c.Heads)
	p.gather(s, b)
	scores, out := grow(&s.scores, rows*attnStride), grow(&s.out, rows*wide)
	first, end := 0, b.pos+b.n // keys any query of the block sees: [first, end)
	if w := p.m.layers[p.at.layer].window; w > 0 {
		first = max(0, b.pos-w+1) / panel * panel
	}
	for k, n := first, 0; k < end; k += n {
		n = min(attnKeys-k%attnKeys, end-k)
		p.score(scores, s.q, keys[k*dims:], b, wholePanels(n), k)
		scale := p.mask(worker, b, n, k)
		p.set.AddPart(&s.running, scores, attnStride, wholePanels(n), s.seen, scale)
		for r, f := range s.running.Factor {
			if k > first && f != 1 {
				p.set.Scale(out[r*wide:][:wide], f)
			}
		}
		p.sum(out, scores, values[k*panel:], panel*kv.capacity, b, n, k, k > first)
	}
	for i := range b.n {
		for h := range b.heads {
			r := i*b.heads + h
			to := p.at.out[((b.row+i)*c.Heads+b.head+h)*dims:][:dims]
			copy(to, out[r*wide:])
			p.set.Scale(to, float32(1/s.running.Sum[r]))
		}
	}
}

// score multiplies the block's queries with n keys from position k on. Of the panels on the diagonal it leaves out the
// queries that see none of their keys.
func (p *pass) score(scores, q, keys []float32, b piece, n, k int) {
	rows, dims := b.n*b.heads, p.m.Config.HeadDim
	all := min(n, wholePanels(max(0, b.pos+1-k))) // columns of panels that every query sees
	p.set.GemmPanels(scores, attnStride, q, dims, keys, panel*dims, rows, all, dims, false)
	for at := all; at < n; at += panel {
		first := (k + at - b.pos) * b.heads
		p.set.GemmPanels(scores[first*attnStride+at:], attnStride, q[first*dims:], dims, keys[at*dims:], panel*dims, rows-first, panel, dims, false)
	}
}

// sum multiplies weights with n values from position k on. On the diagonal it does so by tiles of rows, with the values
// that the last query of each sees.
func (p *pass) sum(out, weights, values []float32, step int, b piece, n, k int, accumulate bool) {
	rows, wide := b.n*b.heads, wholePanels(p.m.Config.HeadDim)
	sees := func(row int) int { return min(n, max(0, b.pos+row/b.heads+1-k)) }
	for at, next := 0, 0; at < rows; at = next {
		next = min(at+attnTile, rows)
		if sees(at) == n {
			next = rows
		}
		p.set.GemmPanels(out[at*wide:], wide, weights[at*attnStride:], attnStride, values, step, next-at, wide, sees(next-1), accumulate)
	}
}

// gather collects the block's queries, normalised and rotated, and clears what is kept per row.
func (p *pass) gather(s *attnScratch, b piece) {
	c := &p.m.Config
	l, rows := &p.m.layers[p.at.layer], b.n*b.heads
	q := grow(&s.q, rows*c.HeadDim)
	s.running.Reset(rows)
	for r := range rows {
		head := q[r*c.HeadDim:][:c.HeadDim]
		copy(head, p.at.q[((b.row+r/b.heads)*c.Heads+b.head+r%b.heads)*c.HeadDim:])
		p.rotate(head, l.qNorm, b.span, b.pos+r/b.heads)
		if l.sinks != nil { // as if there were a key with this score and no value
			s.running.See(r, l.sinks[b.head+r%b.heads])
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

// mask says how many of the n keys from position k on each query sees, hides those before its window, and caps scores.
// It returns what the softmax scales scores by.
func (p *pass) mask(worker int, b piece, n, k int) (scale float32) {
	s, window := &p.workers[worker].attn, p.m.layers[p.at.layer].window
	scale = p.m.scoreScale()
	seen := grow(&s.seen, b.n*b.heads)
	for r := range seen {
		pos := b.pos + r/b.heads
		to := min(n, max(0, pos+1-k))
		from := 0
		if window > 0 {
			from = min(to, max(0, pos-window+1-k))
			hide(s.scores[r*attnStride:][:from])
		}
		if limit := p.m.Config.Cap.Attention; limit != 0 {
			p.set.SoftCap(s.scores[r*attnStride:][from:to], float32(limit)/scale)
		}
		seen[r] = int32(to)
	}
	return scale
}

func hide(scores []float32) {
	for i := range scores {
		scores[i] = float32(math.Inf(-1))
	}
}

package infer

import (
	"math"

	"bitmill/eval/kernel/vec"
)

const (
	attnRows = 48 // rows of one task: queries times the heads that share keys
	attnTile = 12 // rows multiplied at once on the diagonal, up to the last key that one of them sees

	// attnKeys keys are multiplied at once: many, as each block of them costs every row extra work, but so few that
	// their scores stay in the second-level cache. Blocks begin at multiples of it, so that the sums of a query do not
	// depend on other queries.
	attnKeys = 512
	// attnStride is the distance of two rows of scores: no power of two, or they would share sets of the cache.
	attnStride = attnKeys + panel
)

// attention is the part that gqa and mla have in common: queries meet the keys and values of earlier positions.
type attention struct {
	slot
	heads, kvHeads int // query heads; heads of keys and values, each shared by heads/kvHeads query heads
	dims           int // of a head

	gated        bool      // a query is followed by as many values, whose sigmoids the output is multiplied by
	qNorm, kNorm []float32 // gains of the RMS norm of one head; nil: none
	lateNorms    bool      // the norms come behind the rotation
	vNorm        []float32 // of values: ones; nil: none
	sinks        []float32 // for each head, a score beside those of the keys; nil: none
	window       int       // positions that a query sees, its own included; 0: all
	rope         int       // an index in Model.rope, or noRope
	scale, limit float32   // scores are multiplied by scale; limit is the soft cap of the product, 0: none
}

// perQuery is the distance of two queries in a row, in heads.
func (a *attention) perQuery() int {
	if a.gated {
		return 2
	}
	return 1
}

// attnTask is n tokens at positions pos, pos+1, … of a span, whose rows begin at row. To attend, they come with heads
// query heads from head on, which share one head of keys and values.
type attnTask struct{ span, head, heads, row, pos, n int }

// attnArgs are the arguments of the current attention.
type attnArgs struct {
	tasks        []attnTask
	q, k, v, out []float32
}

// attnScratch is a worker's memory, with a row for every query and head.
type attnScratch struct {
	q       []float32 // [rows][dims], rotated
	scores  []float32 // [rows][attnStride]
	out     []float32 // [rows][wholePanels(dims)]
	seen    []int32   // keys of the current block that a row sees
	running vec.RunningSoftmax
}

// attend computes out = softmax(scale*Q·K^T + mask)·V for every query and head.
func (p *pass) attend(a *attention, out, q []float32) {
	group := a.heads / a.kvHeads
	p.attn.tasks = p.attn.tasks[:0]
	row := 0
	for i, s := range p.spans {
		n, pos := s.n, s.past
		if p.rows < p.n {
			n, pos = s.wanted, s.past+s.n-s.wanted
		}
		heads := group
		for n == 1 && heads > 1 && len(p.spans)*a.heads/heads < p.pool.Workers() {
			heads = (heads + 1) / 2
		}
		queries := max(1, attnRows/heads)
		for h, some := 0, 0; h < a.heads; h += some { // heads that share keys and values follow each other
			some = min(heads, group-h%group)
			for at := (n - 1) / queries * queries; at >= 0 && n > 0; at -= queries { // the longest first
				p.attn.tasks = append(p.attn.tasks, attnTask{i, h, some, row + at, pos + at, min(queries, n-at)})
			}
		}
		row += n
	}
	p.attn.q, p.attn.out = q, out
	p.run(len(p.attn.tasks), a)
}

// task keeps a running softmax (arXiv 2205.14135) for every query and head of an attnTask. For each block of keys, with
// the weights w and the factor that AddPart gives,
//
//	out' = factor*out + w·V
func (a *attention) task(p *pass, worker, task int) {
	b, s := p.attn.tasks[task], &p.workers[worker].attn
	rows, dims, wide := b.n*b.heads, a.dims, wholePanels(a.dims)
	kv := p.states[b.span].(*kv)
	keys, values := kv.head(b.head * a.kvHeads / a.heads)
	p.gather(a, s, b)
	scores, out := grow(&s.scores, rows*attnStride), grow(&s.out, rows*wide)
	first, end := 0, b.pos+b.n // the keys that a query of the task sees
	if a.window > 0 {
		first = max(0, b.pos-a.window+1) / panel * panel
	}
	for k, n := first, 0; k < end; k += n {
		n = min(attnKeys-k%attnKeys, end-k)
		p.score(a, s, keys[k*dims:], b, wholePanels(n), k)
		p.mask(a, s, b, n, k)
		p.set.AddPart(&s.running, scores, attnStride, wholePanels(n), s.seen, a.scale)
		for r, f := range s.running.Factor {
			if k > first && f != 1 {
				p.set.Scale(out[r*wide:][:wide], f)
			}
		}
		p.sum(a, s, values[k*panel:], panel*kv.capacity, b, n, k, k > first)
	}
	for i := range b.n {
		for h := range b.heads {
			r := i*b.heads + h
			to := p.attn.out[((b.row+i)*a.heads+b.head+h)*dims:][:dims]
			copy(to, out[r*wide:])
			p.set.Scale(to, float32(1/s.running.Sum[r]))
		}
	}
}

// score multiplies the task's queries by n keys from position k on. For panels on the diagonal it leaves out the
// queries that see none of their keys.
func (p *pass) score(a *attention, s *attnScratch, keys []float32, b attnTask, n, k int) {
	rows, dims := b.n*b.heads, a.dims
	all := min(n, wholePanels(max(0, b.pos+1-k))) // keys in panels that every query sees
	p.set.GemmPanels(s.scores, attnStride, s.q, dims, keys, panel*dims, rows, all, dims, false)
	for at := all; at < n; at += panel {
		first := (k + at - b.pos) * b.heads
		p.set.GemmPanels(s.scores[first*attnStride+at:], attnStride, s.q[first*dims:], dims, keys[at*dims:], panel*dims,
			rows-first, panel, dims, false)
	}
}

// sum multiplies the weights by n values from position k on. On the diagonal it takes tiles of rows, each up to the
// last value that one of its queries sees.
func (p *pass) sum(a *attention, s *attnScratch, values []float32, step int, b attnTask, n, k int, accumulate bool) {
	rows, wide := b.n*b.heads, wholePanels(a.dims)
	sees := func(row int) int { return min(n, max(0, b.pos+row/b.heads+1-k)) }
	for at, next := 0, 0; at < rows; at = next {
		next = min(at+attnTile, rows)
		if sees(at) == n {
			next = rows
		}
		p.set.GemmPanels(s.out[at*wide:], wide, s.scores[at*attnStride:], attnStride, values, step,
			next-at, wide, sees(next-1), accumulate)
	}
}

// gather collects the task's queries, normalized and rotated, and resets the softmax of each row.
func (p *pass) gather(a *attention, s *attnScratch, b attnTask) {
	rows := b.n * b.heads
	q := grow(&s.q, rows*a.dims)
	s.running.Reset(rows)
	for r := range rows {
		head := q[r*a.dims:][:a.dims]
		copy(head, p.attn.q[((b.row+r/b.heads)*a.heads+b.head+r%b.heads)*a.dims*a.perQuery():])
		p.rotate(a, head, a.qNorm, b.span, b.pos+r/b.heads)
		if t := p.m.Config.Temperature; t.Scale != 0 {
			p.set.Scale(head, t.At(b.pos+r/b.heads))
		}
		if a.sinks != nil { // as if there were a key with this score and no value
			s.running.See(r, a.sinks[b.head+r%b.heads])
		}
	}
}

// mask counts the keys that each query sees, out of n from position k on, hides those before its window and caps
// scores.
func (p *pass) mask(a *attention, s *attnScratch, b attnTask, n, k int) {
	seen := grow(&s.seen, b.n*b.heads)
	for r := range seen {
		pos := b.pos + r/b.heads
		to := min(n, max(0, pos+1-k))
		from := 0
		if a.window > 0 {
			from = min(to, max(0, pos-a.window+1-k))
			hide(s.scores[r*attnStride:][:from])
		}
		if a.limit != 0 {
			p.set.SoftCap(s.scores[r*attnStride:][from:to], a.limit/a.scale)
		}
		seen[r] = int32(to)
	}
}

func hide(scores []float32) {
	for i := range scores {
		scores[i] = float32(math.Inf(-1))
	}
}
